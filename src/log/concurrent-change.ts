/**
 * Changes of a table's description that a transaction made before them can live with: those that ask nothing of rows
 * already written, or only what each try to commit looks at anew. All others must be seen before the work is done.
 */

import { isJsonObject, type JsonValue, parseJson, printJson } from '../base/index.ts';
import type { Metadata, Protocol } from './actions.ts';
import { knownFeature } from './feature-list.ts';

/** Why a transaction made under `before` may not go in under `after`, as the rest of a sentence; or null. */
export function protocolObstacle(before: Protocol, after: Protocol): string | null {
  if (isLowered(before, after)) return 'lowered the protocol';
  const [had, has] = [featuresOf(before), featuresOf(after)];
  const dropped = [...had].filter((name) => !has.has(name) && after.minWriterVersion === 7);
  if (dropped.length > 0) return `dropped the feature ${dropped.join(', ')}`;
  const demanding = [...has].filter(
    (name) => !had.has(name) && knownFeature(name)?.isHarmless !== true,
  );
  if (demanding.length === 0) return null;
  return `turned on ${demanding.join(', ')}, which asks more of those who write`;
}

/** As `protocolObstacle`, for the metadata. */
export function metadataObstacle(before: Metadata, after: Metadata): string | null {
  if (before.id !== after.id) return 'made the table anew';
  if (before.format.provider !== after.format.provider) return 'changed the format of the files';
  if (before.partitionColumns.join('\u0000') !== after.partitionColumns.join('\u0000')) {
    return 'changed the partitioning';
  }
  if (!sameSchema(before.schemaString, after.schemaString)) return 'changed the schema';
  const keys = changedKeys(before.configuration, after.configuration).filter(
    (key) => !isUndemanding(key, after.configuration[key]),
  );
  return keys.length === 0 ? null : `changed the properties ${keys.join(', ')}`;
}

/** Properties about when files and versions are cleaned up, packed or summed up, or that each try looks at anew. */
const UNDEMANDING_PROPERTIES: ReadonlySet<string> = new Set([
  'delta.appendOnly',
  'delta.autoOptimize.autoCompact',
  'delta.autoOptimize.optimizeWrite',
  'delta.checkpoint.writeStatsAsJson',
  'delta.checkpoint.writeStatsAsStruct',
  'delta.checkpointInterval',
  'delta.checkpointPolicy',
  'delta.deletedFileRetentionDuration',
  'delta.enableExpiredLogCleanup',
  'delta.inCommitTimestampEnablementTimestamp',
  'delta.inCommitTimestampEnablementVersion',
  'delta.logRetentionDuration',
  'delta.parquet.compression.codec',
  'delta.requireCheckpointProtectionBeforeVersion',
  'delta.rowTracking.materializedRowCommitVersionColumnName',
  'delta.rowTracking.materializedRowIdColumnName',
  'delta.setTransactionRetentionDuration',
  'delta.targetFileSize',
  'delta.tuneFileSizesForRewrites',
]);

/** What may be turned on, but not off again, under the feet of a writer. */
const UNDEMANDING_ONCE_ON: ReadonlySet<string> = new Set([
  'delta.enableDeletionVectors',
  'delta.enableInCommitTimestamps',
  'delta.enableRowTracking',
]);

function isUndemanding(key: string, value: string | undefined): boolean {
  if (UNDEMANDING_ONCE_ON.has(key)) return value?.toLowerCase() === 'true';
  return UNDEMANDING_PROPERTIES.has(key) || !key.startsWith('delta.');
}

function changedKeys(
  before: Metadata['configuration'],
  after: Metadata['configuration'],
): readonly string[] {
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...keys].filter((key) => before[key] !== after[key]).sort();
}

/** Versions below 7 and 3 stand for features that ask for nothing by themselves, so only a step down matters. */
function isLowered(before: Protocol, after: Protocol): boolean {
  return (
    after.minReaderVersion < before.minReaderVersion ||
    after.minWriterVersion < before.minWriterVersion
  );
}

function featuresOf({ readerFeatures = [], writerFeatures = [] }: Protocol): ReadonlySet<string> {
  return new Set([...readerFeatures, ...writerFeatures]);
}

/** Whether only marks that other writers keep in the schema differ: how far identity columns have counted. */
function sameSchema(before: string, after: string): boolean {
  if (before === after) return true;
  return JSON.stringify(stripped(parseJson(before))) === JSON.stringify(stripped(parseJson(after)));
}

function stripped(value: JsonValue | undefined): unknown {
  if (Array.isArray(value)) return value.map(stripped);
  if (!isJsonObject(value)) return value === undefined ? null : printJson(value);
  return Object.keys(value)
    .filter((key) => key !== 'delta.identity.highWaterMark')
    .sort()
    .map((key) => [key, stripped(value[key])]);
}
