/** What table a seed is about, and how it is committed to. */

import type { Random } from '../../src/base/index.ts';
import type { Action, IsolationLevel } from '../../src/log/index.ts';
import { parseDdl, printSchema } from '../../src/schema/index.ts';

export interface Terms {
  /** Who writes checkpoints writes them as the project does, and not only in JSON, which takes a tenth of the time. */
  readonly isParquet: boolean;
  /** Commits are decided by a log table. */
  readonly isCoordinated: boolean;
  /** Files are objects in the store, and not names alone: such that a vacuum may delete. */
  readonly hasFiles: boolean;
  /** Processes may choose `WriteSerializable`. */
  readonly isMixed: boolean;
  /** Clocks of processes differ by so much at most. */
  readonly skewMsMax: number;
  /** Of the table from its first version on. */
  readonly features: readonly string[];
  readonly configuration: Readonly<Record<string, string>>;
}

/** How many seeds there are between two that write checkpoints in Parquet. */
const PARQUET_EVERY = 50;
/** How many seeds there are between two with files that are objects. */
const FILES_EVERY = 4;
/** Those that readers must know too. */
const READER_FEATURES = ['deletionVectors', 'v2Checkpoint'] as const;

export function chooseTerms(random: Random, seed: number): Terms {
  const chance = (share: number): boolean => random.float() < share;
  const isParquet = seed % PARQUET_EVERY === 0;
  const [isV2, isTimed] = [isParquet && chance(0.7), chance(0.3)];
  const optional: readonly (readonly [string, boolean])[] = [
    ['rowTracking', chance(0.3)],
    ['inCommitTimestamp', isTimed],
    ['deletionVectors', chance(0.15)],
    ['v2Checkpoint', isV2],
  ];
  const properties: Readonly<Record<string, string | false>> = {
    'delta.checkpointInterval': isParquet && chance(0.5) ? '3' : '1000000',
    'delta.checkpointPolicy': isV2 && 'v2',
    // A cleanup takes what no work needs any more, however young it is.
    'delta.logRetentionDuration': 'interval 0 seconds',
    'delta.enableInCommitTimestamps': isTimed && 'true',
    'deltawright.versionChecksums': chance(0.2) && 'true',
    'deltawright.logCompactionInterval': chance(0.2) && '3',
  };
  const configuration: Record<string, string> = {};
  for (const [name, value] of Object.entries(properties)) {
    if (value !== false) configuration[name] = value;
  }
  const isCoordinated = seed % FILES_EVERY !== 0 && chance(0.25);
  return {
    isParquet,
    isCoordinated,
    hasFiles: seed % FILES_EVERY === 0,
    isMixed: chance(0.3),
    skewMsMax: chance(0.5) ? 3_000 : 0,
    features: ['domainMetadata', ...optional.flatMap(([name, isOn]) => (isOn ? [name] : []))],
    configuration,
  };
}

export function chooseIsolation({ isMixed }: Terms, random: Random): IsolationLevel {
  return isMixed && random.float() < 0.5 ? 'WriteSerializable' : 'Serializable';
}

/** The first commit of the table. */
export function foundingActions({ features, configuration }: Terms, random: Random): Action[] {
  const readerFeatures = READER_FEATURES.filter((name) => features.includes(name));
  const protocol = {
    minReaderVersion: readerFeatures.length > 0 ? 3 : 1,
    minWriterVersion: 7,
    ...(readerFeatures.length > 0 ? { readerFeatures } : {}),
    writerFeatures: features,
  };
  const metaData = {
    id: random.uuid(),
    format: { provider: 'parquet', options: {} },
    schemaString: printSchema(parseDdl('n bigint, part string')),
    partitionColumns: ['part'],
    configuration,
  };
  return [
    { kind: 'protocol', protocol },
    { kind: 'metaData', metaData },
  ];
}
