/**
 * Where the symlink manifest of a table lies and what it says. PROTOCOL.md, "Symlink manifest":
 *
 *     _symlink_format_manifest/manifest               of a table without partition columns
 *     _symlink_format_manifest/date=2024-01-01/manifest
 *
 * Each names its data files, one absolute URI a line, nothing encoded.
 */

import { type AddFile, type PartitionValues, pathKey } from '../log/index.ts';
import {
  type DataType,
  findField,
  HIVE_DEFAULT_PARTITION,
  parsePartitionValue,
  partitionPath,
  printPartitionValue,
  STRING,
  TIMESTAMP_NTZ,
} from '../schema/index.ts';
import type { ObjectStore, StorePath } from '../store/index.ts';
import type { Snapshot } from './types.ts';

/** A partition of the virtual table. */
export interface ManifestPartition {
  /** Hive's text of each value, in the order of the partition columns. */
  readonly values: readonly string[];
  /** The folder of its manifest, as a URI. */
  readonly location: string;
}

/** The folder of a version's manifests, below the table: for every version the one that Spark's hook writes to. */
export function manifestFolder(_version: number): StorePath {
  return '_symlink_format_manifest';
}

/** The same as a URI: what stands in the catalog entry of the virtual table. */
export function manifestRoot(tableUri: string, version: number): string {
  return `${tableUri}/${manifestFolder(version)}`;
}

/** The manifest in a partition's folder. */
export function manifestPath(snapshot: Snapshot, folder: string): string {
  const root = manifestFolder(snapshot.version);
  return folder === '' ? `${root}/manifest` : `${root}/${folder}/manifest`;
}

/** Whether an object below `manifestFolder` is a manifest: others leave checksums and the like beside them. */
export function isManifest(path: string): boolean {
  return path.endsWith('/manifest');
}

/** The partitions of a snapshot that have files, by their folders; none where the table has no partition columns. */
export function manifestPartitions(store: ObjectStore, snapshot: Snapshot): ManifestPartition[] {
  if (snapshot.partitionColumns.length === 0) return [];
  const folders = new PartitionFolders(snapshot);
  const found = new Map<string, readonly string[]>();
  for (const { partitionValues } of snapshot.files()) {
    const { folder, values } = folders.of(partitionValues);
    found.set(folder, values);
  }
  const root = manifestRoot(store.uri, snapshot.version);
  return [...found]
    .map(([folder, values]) => ({ values, location: `${root}/${folder}` }))
    .sort((a, b) => (a.location < b.location ? -1 : 1));
}

/**
 * The URI of a data file as manifests spell it: `s3://bucket/key` (never `s3a`), `file:/folder/name` as Spark does;
 * `path` is the one in the log.
 */
export function dataFileUri(store: ObjectStore, path: string): string {
  const key = pathKey(path);
  if (key.startsWith('/')) return `file:${key}`;
  if (ABSOLUTE.test(path)) return key;
  const localFile = store.localFile(key);
  return localFile === null ? `${store.uri}/${key}` : `file:${localFile}`;
}

/** The text of a manifest; the same files give the same bytes. */
export function printManifest(store: ObjectStore, files: readonly AddFile[]): Uint8Array {
  const lines = files.map((file) => `${dataFileUri(store, file.path)}\n`).sort();
  return new TextEncoder().encode(lines.join(''));
}

/** The length of that text in bytes. */
export function manifestSize(store: ObjectStore, files: readonly AddFile[]): number {
  return files.reduce((sum, { path }) => sum + Buffer.byteLength(dataFileUri(store, path)) + 1, 0);
}

const ABSOLUTE = /^[A-Za-z][A-Za-z0-9+.-]*:\//;

/** A partition's folder below the manifests' own; `''` without partition columns. */
export interface PartitionFolder {
  readonly folder: string;
  readonly values: readonly string[];
}

/**
 * Folders by partition values. One value has several spellings in the log (`2024-01-01 00:00:00` and
 * `2024-01-01T00:00:00.000000Z`); they are brought together, so that a partition has one manifest.
 */
export class PartitionFolders {
  readonly #columns: readonly string[];
  readonly #types: readonly DataType[];
  readonly #known = new Map<string, PartitionFolder>();

  constructor(snapshot: Pick<Snapshot, 'partitionColumns' | 'schema'>) {
    this.#columns = snapshot.partitionColumns;
    this.#types = this.#columns.map((name) => findField(snapshot.schema, name)?.type ?? STRING);
  }

  of(partitionValues: PartitionValues): PartitionFolder {
    const texts = this.#columns.map((name) => partitionValues[name] ?? null);
    const key = texts.length === 1 ? String(texts[0]) : JSON.stringify(texts);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const values = texts.map((text, index) => hiveText(text, this.#types[index] ?? STRING));
    const folder = {
      folder: partitionPath(this.#columns, values),
      values: values.map((value) => value ?? HIVE_DEFAULT_PARTITION),
    };
    this.#known.set(key, folder);
    return folder;
  }
}

// Hive writes a timestamp without a zone; as data in the log is read, that is UTC.
function hiveText(text: string | null, type: DataType): string | null {
  const hiveType = type.kind === 'primitive' && type.name === 'timestamp' ? TIMESTAMP_NTZ : type;
  return printPartitionValue(parsePartitionValue(text, type), hiveType);
}
