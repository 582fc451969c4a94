/** What a table is, by the names that Spark's DESCRIBE DETAIL has for it. */

import { isoTime } from '../base/index.ts';
import { supportedFeatures } from '../log/index.ts';
import { clusteringPaths, columnAt } from './clustering.ts';
import type { Snapshot } from './types.ts';

export interface TableDetail {
  readonly format: 'delta';
  readonly id: string;
  readonly name: string | null;
  readonly description: string | null;
  /** The URI of the table. */
  readonly location: string;
  /** ISO 8601, UTC; null where its writer did not say. */
  readonly createdAt: string | null;
  /** The time of the version, likewise. */
  readonly lastModified: string;
  readonly partitionColumns: readonly string[];
  /** By which rows are laid out: `a`, `b.c`. */
  readonly clusteringColumns: readonly string[];
  /** Live files. */
  readonly numFiles: number;
  /** Of the live files. */
  readonly sizeInBytes: number;
  readonly properties: Readonly<Record<string, string>>;
  readonly minReaderVersion: number;
  readonly minWriterVersion: number;
  /** All that it has, listed or implied by its versions, in the order of their names. */
  readonly tableFeatures: readonly string[];
}

/** What a version of the table at `location` is. */
export function detailOf(snapshot: Snapshot, location: string): TableDetail {
  const { metadata, protocol, timestampMs, partitionColumns } = snapshot;
  const { id, name = null, description = null, createdTime, configuration } = metadata;
  return {
    format: 'delta',
    id,
    name,
    description,
    location,
    createdAt: createdTime === undefined ? null : isoTime(createdTime),
    lastModified: isoTime(timestampMs),
    partitionColumns,
    clusteringColumns: clusteringPaths(snapshot).map((path) => columnAt(snapshot.schema, path)),
    numFiles: snapshot.fileCount,
    sizeInBytes: snapshot.sizeBytes,
    properties: configuration,
    minReaderVersion: protocol.minReaderVersion,
    minWriterVersion: protocol.minWriterVersion,
    tableFeatures: [...supportedFeatures(protocol)].toSorted(),
  };
}
