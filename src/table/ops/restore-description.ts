/** What a table is told to be once it is brought back to an older version. */

import type { JsonValue } from '../../base/index.ts';
import {
  type Action,
  type Metadata,
  type Protocol,
  rowIdColumnNames,
  rowIdHighWaterMark,
  supportedFeatures,
  withFeatures,
  withVersions,
} from '../../log/index.ts';
import { parseSchema, physicalName, printSchema, type StructField } from '../../schema/index.ts';
import { differences } from '../alter.ts';
import { CLUSTERING_DOMAIN } from '../clustering.ts';
import { domainOf, tableSnapshot } from '../snapshot.ts';
import type { Snapshot } from '../types.ts';

/**
 * The actions that bring schema, properties and clustering back. The protocol only rises, as older versions need the rest of
 * it; times of commits go on as they are; what only rises does.
 */
export function restoredDescription(latest: Snapshot, target: Snapshot): readonly Action[] {
  const protocol = merged(latest.protocol, target.protocol);
  const metadata = restoredMetadata(latest, target);
  return [...differences(latest, { protocol, metadata }), ...restoredClustering(latest, target)];
}

function merged(latest: Protocol, target: Protocol): Protocol {
  const versions = { reader: target.minReaderVersion, writer: target.minWriterVersion };
  return withFeatures(withVersions(latest, versions), supportedFeatures(target));
}

/** Properties that say how the log is, and not how the table was. */
const OF_THE_LOG = [
  'delta.enableInCommitTimestamps',
  'delta.inCommitTimestampEnablementVersion',
  'delta.inCommitTimestampEnablementTimestamp',
  'delta.requireCheckpointProtectionBeforeVersion',
];
/** Names that stay what they are once a table has them. PROTOCOL.md, "Writer Requirements for Row Tracking". */
const ROW_ID_COLUMNS = [
  'delta.rowTracking.materializedRowIdColumnName',
  'delta.rowTracking.materializedRowCommitVersionColumnName',
];
const HIGHEST_COLUMN_ID = 'delta.columnMapping.maxColumnId';

/**
 * Whether row ids of the target may be those of other rows by now: the feature was dropped in between, and they are counted anew.
 */
export function countsRowsAnew(latest: Snapshot, target: Snapshot): boolean {
  const [now, then] = [rowIdColumnNames(latest.metadata), rowIdColumnNames(target.metadata)];
  if (then === null) return false;
  return now === null ? markOf(latest) < markOf(target) : now.id !== then.id;
}

function markOf(snapshot: Snapshot): bigint {
  return rowIdHighWaterMark(tableSnapshot(snapshot).state);
}

function restoredMetadata(now: Snapshot, then: Snapshot): Metadata {
  const [latest, target] = [now.metadata, then.metadata];
  const configuration: Record<string, string> = { ...target.configuration };
  for (const key of ROW_ID_COLUMNS) {
    const name = latest.configuration[key];
    if (name !== undefined) configuration[key] = name;
    else if (countsRowsAnew(now, then)) delete configuration[key];
  }
  for (const key of OF_THE_LOG) {
    const value = latest.configuration[key];
    if (value === undefined) delete configuration[key];
    else configuration[key] = value;
  }
  const highest = latest.configuration[HIGHEST_COLUMN_ID];
  if (highest !== undefined && Number(highest) > Number(configuration[HIGHEST_COLUMN_ID] ?? 0)) {
    configuration[HIGHEST_COLUMN_ID] = highest;
  }
  const schemaString = withMarks(target.schemaString, latest.schemaString);
  return { ...target, id: latest.id, schemaString, configuration };
}

const MARK = 'delta.identity.highWaterMark';
const STEP = 'delta.identity.step';

/** PROTOCOL.md, "Identity Columns": no value is ever given twice, so the mark that is further counts. */
function withMarks(targetSchema: string, latestSchema: string): string {
  const [schema, marked] = [parseSchema(targetSchema), parseSchema(latestSchema)];
  let changed = false;
  const fields = schema.fields.map((field): StructField => {
    // A column may have had another name since, and another one its name.
    const same = marked.fields.find((latest) => physicalName(latest) === physicalName(field));
    const mark = same?.metadata[MARK];
    if (mark === undefined || !isFurther(mark, field.metadata[MARK], field.metadata[STEP])) {
      return field;
    }
    changed = true;
    return { ...field, metadata: { ...field.metadata, [MARK]: mark } };
  });
  return changed ? printSchema({ ...schema, fields }) : targetSchema;
}

/** Whether an identity column that counts by `step` comes to `mark` after `own`. */
function isFurther(
  mark: JsonValue,
  own: JsonValue | undefined,
  step: JsonValue | undefined,
): boolean {
  if (!isWhole(mark) || !isWhole(step)) return false;
  if (!isWhole(own)) return true;
  return step < 0 ? mark < own : mark > own;
}

function isWhole(value: JsonValue | undefined): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint';
}

/** As Spark does; what other domains say is nobody's here. */
function restoredClustering(latest: Snapshot, target: Snapshot): readonly Action[] {
  const held = domainOf(latest, CLUSTERING_DOMAIN);
  const wanted = domainOf(target, CLUSTERING_DOMAIN);
  if (held === wanted) return [];
  const removed = wanted === null;
  const configuration = wanted ?? held ?? '';
  const domainMetadata = { domain: CLUSTERING_DOMAIN, configuration, removed };
  return [{ kind: 'domainMetadata', domainMetadata }];
}
