/** The first half of a merge: which rows of which files match, and what is to be done with them. */

import { execute, identifier, relationSql, type Session, translate } from '../../engine/index.ts';
import type { AddFile, PartitionValues } from '../../log/index.ts';
import {
  BOOLEAN,
  columnsRead,
  compareScalars,
  compareText,
  type Expression,
  type FileStatistics,
  mayMatch,
  parseStatistics,
  type Scalar,
  type StructField,
  TIMESTAMP,
  typesEqual,
} from '../../schema/index.ts';
import type { Snapshot, TableContext } from '../types.ts';
import { scalarOf } from './append-select.ts';
import { ENGINE_STATEMENTS_MAX, inParallel } from './append-stage.ts';
import { mergeAmbiguous } from './errors.ts';
import { partitionFields, partitionValuesOf } from './files.ts';
import type { LocalStage } from './input-stage.ts';
import { checkWhole, allOf, between, tableRelations } from './input-table.ts';
import {
  type ChangingColumn,
  CLAUSE,
  type MergeKey,
  type MergePlan,
  newValueOf,
  SOURCE,
  TARGET,
} from './merge-plan.ts';
import { SOURCE_TABLE } from './merge-source.ts';

/** The engine's table of matched pairs: file (by its number among the candidates), row, source row, clause or null. */
export const PAIRS_TABLE = 'merge_pairs';
/** No column of a table without column mapping has a space in its name. */
export const FILE_NUMBER = 'file number';
export const ROW_NUMBER = 'row number';

/** What the steps of one try share. */
export interface MergeTry {
  readonly ctx: TableContext;
  readonly session: Session;
  readonly stage: LocalStage;
  readonly snapshot: Snapshot;
  readonly plan: MergePlan;
  readonly signal: AbortSignal | undefined;
}

/** A live file that may hold a matching row. */
export interface Candidate {
  readonly add: AddFile;
  /** Its place among the live files, by partition and then by the lower bound of the first key. */
  readonly rank: number;
  /** By the names of the schema. */
  readonly partitionValues: PartitionValues;
  readonly statistics: FileStatistics | null;
}

export interface Candidates {
  /** By rank. */
  readonly files: readonly Candidate[];
  /** What of the table's rows the merge depends on; null is all. */
  readonly predicate: Expression | null;
}

/** What is to change in a file. */
export interface MatchedFile {
  readonly updatedCount: number;
  readonly deletedCount: number;
  /** True where an update is known to change a row; false leaves it open. */
  readonly differs: boolean;
}

/** By partition values and statistics: files outside the condition, or with no key of the source in their bounds, are out. */
export async function findCandidates(merge: MergeTry): Promise<Candidates> {
  const { plan, session, snapshot } = merge;
  const ranges: Expression[] = [];
  for (const { field, sourceSql } of plan.keys) {
    const range = await keyRange(session, sourceSql);
    // Without any key no row can match.
    if (range === null) return { files: [], predicate: NEVER };
    ranges.push(between(field, range));
  }
  const predicate = allOf([
    ...(plan.targetCondition === null ? [] : [plan.targetCondition]),
    ...ranges,
  ]);
  const [key] = plan.keys;
  const { schema } = snapshot;
  const files = rankedFiles(snapshot, { key: key?.field ?? null, predicate }).filter(
    ({ partitionValues, statistics }) =>
      predicate === null || mayMatch(predicate, { schema, partitionValues, statistics }),
  );
  return { files: key === undefined ? files : await withKeyInside(session, key, files), predicate };
}

/** Fills the table of pairs; returns, by number of the file, what is to change in it. Errors: `MERGE_AMBIGUOUS` (data). */
export async function findMatches(
  merge: MergeTry,
  files: readonly Candidate[],
): Promise<ReadonlyMap<number, MatchedFile>> {
  const { session, plan } = merge;
  await session.run(
    `CREATE OR REPLACE TABLE ${PAIRS_TABLE} ` +
      `(file INTEGER NOT NULL, row BIGINT NOT NULL, source BIGINT NOT NULL, ` +
      `${CLAUSE} INTEGER, differs BOOLEAN)`,
  );
  await joinFiles(merge, files);
  await refuseAmbiguous(session, plan);
  const isDelete = `${CLAUSE} IN (${['-1', ...plan.deletes.map(String)].join(', ')})`;
  const rows = await session.query(
    `SELECT file, count(DISTINCT row) FILTER (NOT ${isDelete}) AS updated, ` +
      `count(DISTINCT row) FILTER (${isDelete}) AS deleted, bool_or(differs) AS differs ` +
      `FROM ${PAIRS_TABLE} WHERE ${CLAUSE} IS NOT NULL GROUP BY file ORDER BY file`,
  );
  return new Map(
    rows.map((row) => [
      Number(row['file']),
      {
        updatedCount: Number(row['updated']),
        deletedCount: Number(row['deleted']),
        differs: row['differs'] === true,
      },
    ]),
  );
}

const NEVER: Expression = { kind: 'literal', value: false, type: BOOLEAN };

async function joinFiles(merge: MergeTry, files: readonly Candidate[]): Promise<void> {
  const { ctx, session, stage, snapshot, plan, signal } = merge;
  const probe = probeOf(plan);
  const read = new Set([...plan.conditionColumns.fields, ...(probe?.reads.fields ?? [])]);
  if (probe !== null) read.add(probe.field);
  const columns = {
    ...snapshot.schema,
    fields: snapshot.schema.fields.filter((it) => read.has(it)),
  };
  const differs =
    probe === null
      ? 'false'
      : `${newValueOf(plan, probe.field.name, `(${plan.clause})`)} ` +
        `IS DISTINCT FROM ${TARGET}.${identifier(probe.field.name)}`;
  for (const { add } of files) checkWhole(add);
  const relations = await tableRelations(ctx, stage, snapshot, {
    files: files.map(({ add }) => add),
    columns,
  });
  const shareLength = Math.ceil(relations.length / ENGINE_STATEMENTS_MAX);
  const starts = relations.length === 0 ? [] : [0, shareLength];
  await inParallel(starts, ENGINE_STATEMENTS_MAX, async (start) => {
    const share = relations.slice(start, start + shareLength);
    const rows = relationSql(share, {
      schema: columns,
      partitionColumns: snapshot.partitionColumns,
      mapping: 'none',
      fileIndex: FILE_NUMBER,
      rowNumber: ROW_NUMBER,
    });
    await execute(
      session,
      `INSERT INTO ${PAIRS_TABLE} SELECT ${TARGET}.${identifier(FILE_NUMBER)} + ${String(start)}, ` +
        `${TARGET}.${identifier(ROW_NUMBER)}, ${SOURCE}.rowid, ${plan.clause}, ${differs} ` +
        `FROM (${rows}) AS ${TARGET} JOIN ${SOURCE_TABLE} AS ${SOURCE} ON ${plan.on}`,
      signal === undefined ? {} : { signal },
    );
  });
}

/**
 * The one column whose new values are compared with the old while rows are matched. A file in which it changes needs no
 * closer look, and one of fixed width is cheap to read: times change most, texts cost most.
 */
function probeOf({ changing }: MergePlan): ChangingColumn | null {
  const cost = ({ field: { type } }: ChangingColumn): number => {
    if (typesEqual(type, TIMESTAMP)) return 0;
    return type.kind === 'decimal' || (type.kind === 'primitive' && type.name !== 'string') ? 1 : 2;
  };
  return changing.toSorted((left, right) => cost(left) - cost(right))[0] ?? null;
}

/** Spark's rule: it is open what becomes of a row that several source rows change, unless all it can be is deleted. */
async function refuseAmbiguous(session: Session, plan: MergePlan): Promise<void> {
  if (plan.deletesOnly) return;
  const [row] = await session.query(
    `SELECT count(*) AS ambiguous FROM (SELECT file, row FROM ${PAIRS_TABLE} ` +
      `WHERE ${CLAUSE} IS NOT NULL GROUP BY file, row HAVING count(*) > 1)`,
  );
  const ambiguousCount = Number(row?.['ambiguous']);
  if (ambiguousCount > 0) throw mergeAmbiguous(ambiguousCount);
}

async function keyRange(
  session: Session,
  sourceSql: string,
): Promise<{ readonly min: Scalar; readonly max: Scalar } | null> {
  const [row] = await session.query(
    `SELECT min(${sourceSql}) AS low, max(${sourceSql}) AS high FROM ${SOURCE_TABLE} AS ${SOURCE}`,
  );
  const [min, max] = [scalarOf(row?.['low']), scalarOf(row?.['high'])];
  return min === null || max === null ? null : { min, max };
}

/** All files of the partitions that the predicate does not rule out: only of those are statistics read. */
function rankedFiles(
  snapshot: Snapshot,
  { key, predicate }: { readonly key: StructField | null; readonly predicate: Expression | null },
): readonly Candidate[] {
  const { schema } = snapshot;
  const partitions = partitionFields(snapshot);
  const judged = predicate === null ? [] : columnsRead(predicate, schema).fields;
  const known = { ...schema, fields: [...new Set([...(key === null ? [] : [key]), ...judged])] };
  const files = Array.from(snapshot.files()).flatMap((add) => {
    const partitionValues = partitionValuesOf(add, partitions);
    const facts = { schema, partitionValues, statistics: null };
    if (predicate !== null && !mayMatch(predicate, facts)) return [];
    const statistics = parseStatistics(add.stats, known);
    const low = key === null ? null : (statistics?.columns.get(key.name)?.min ?? null);
    return [{ add, statistics, low, partitionValues, partition: JSON.stringify(partitionValues) }];
  });
  files.sort(
    (left, right) =>
      compareText(left.partition, right.partition) ||
      compareBounds(left.low, right.low) ||
      compareText(left.add.path, right.add.path),
  );
  return files.map(({ add, statistics, partitionValues }, rank) => ({
    add,
    rank,
    partitionValues,
    statistics,
  }));
}

/** Unknown ones last. */
function compareBounds(left: Scalar | null, right: Scalar | null): number {
  if (left === null || right === null) return Number(left === null) - Number(right === null);
  return compareScalars(left, right);
}

/** Files whose bounds of the key are unknown, or have a key of the source between them. */
async function withKeyInside(
  session: Session,
  { field, sourceSql }: MergeKey,
  files: readonly Candidate[],
): Promise<readonly Candidate[]> {
  const bounded = files.flatMap((file, place) => {
    const { min = null, max = null } = file.statistics?.columns.get(field.name) ?? {};
    if (min === null || max === null) return [];
    const bounds = [min, max].map(
      (value) => translate({ kind: 'literal', value, type: field.type }, []).sql,
    );
    return [{ place, values: `(${String(place)}, ${bounds.join(', ')})` }];
  });
  if (bounded.length === 0) return files;
  // The nearest key from the lower bound on decides, so that each file costs one look-up.
  const rows = await session.query(
    `SELECT b.place FROM (VALUES ${bounded.map(({ values }) => values).join(', ')}) ` +
      `AS b(place, low, high) ASOF JOIN (SELECT DISTINCT ${sourceSql} AS key ` +
      `FROM ${SOURCE_TABLE} AS ${SOURCE} WHERE ${sourceSql} IS NOT NULL) AS k ` +
      `ON b.low <= k.key WHERE k.key <= b.high`,
  );
  const hit = new Set(rows.map((row) => Number(row['place'])));
  const boundedPlaces = new Set(bounded.map(({ place }) => place));
  return files.filter((_, place) => hit.has(place) || !boundedPlaces.has(place));
}
