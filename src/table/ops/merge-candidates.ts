/** Which files a merge has to look into: by partitions, statistics and the keys of its source. */

import { type Session, translate } from '../../engine/index.ts';
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
} from '../../schema/index.ts';
import type { Snapshot, TableContext } from '../types.ts';
import { scalarOf } from './append-select.ts';
import { partitionFields, partitionValuesOf } from './files.ts';
import type { LocalStage } from './input-stage.ts';
import { allOf, between } from './input-table.ts';
import { type Bounds, widened } from './key-range.ts';
import { anyOf, type MergeKey, type MergePlan } from './merge-plan.ts';
import { SOURCE } from './merge-scope.ts';
import { SOURCE_TABLE } from './merge-source.ts';
import type { RowChangeMode } from './row-change-mode.ts';

/** What the steps of one try share. */
export interface MergeTry {
  readonly ctx: TableContext;
  readonly session: Session;
  readonly stage: LocalStage;
  readonly snapshot: Snapshot;
  readonly plan: MergePlan;
  /** How rows of the table are changed. */
  readonly mode: RowChangeMode;
  /** Names of columns with the place of a row's file, and of the row in it: no column of the table has them. */
  readonly fileNumber: string;
  readonly rowNumber: string;
  readonly signal: AbortSignal | undefined;
}

/** A live file that may hold a row that a clause is for. */
export interface Candidate {
  readonly add: AddFile;
  /** Its place among the live files, by partition and then by the lower bound of the first key. */
  readonly rank: number;
  /** By the names of the schema. */
  readonly partitionValues: PartitionValues;
  readonly statistics: FileStatistics | null;
}

export interface Candidates {
  /** Those that may hold a matching row, and then the others; of the first, those for `bySource` come last. */
  readonly files: readonly Candidate[];
  /** How many may hold a matching row. */
  readonly matchCount: number;
  /** The place of the first that may hold a row which takes a clause though nothing matches it. */
  readonly bySourceStart: number;
  /** What of the table's rows the merge depends on; null is all. */
  readonly predicate: Expression | null;
}

/** By partition values and statistics: files outside the condition, or with no key of the source in their bounds, are out. */
export async function findCandidates(merge: MergeTry): Promise<Candidates> {
  const { plan, session, snapshot } = merge;
  const { bySource } = plan;
  const matching = await matchingRows(merge);
  if (matching === NEVER && bySource === null) return NO_CANDIDATES;
  const predicate = bySource === null ? matching : eitherOf(matching, bySource.condition);
  const [key] = plan.keys;
  const { schema } = snapshot;
  const mayHold = (condition: Expression | null, { partitionValues, statistics }: Candidate) =>
    condition === null || mayMatch(condition, { schema, partitionValues, statistics });
  const judged = [matching, bySource?.condition ?? null].filter((it) => it !== null);
  const files = rankedFiles(snapshot, { key: key?.field ?? null, predicate, judged });
  const inRange = files.filter((file) => mayHold(matching, file));
  const mayMeet = new Set(
    key === undefined || matching === NEVER ? inRange : await withKeyInside(session, key, inRange),
  );
  const forSource = files.filter((it) => bySource !== null && mayHold(bySource.condition, it));
  const both = new Set(forSource.filter((file) => mayMeet.has(file)));
  const matchOnly = [...mayMeet].filter((file) => !both.has(file));
  return {
    files: [...matchOnly, ...both, ...forSource.filter((file) => !both.has(file))],
    matchCount: mayMeet.size,
    bySourceStart: matchOnly.length,
    predicate,
  };
}

const NEVER: Expression = { kind: 'literal', value: false, type: BOOLEAN };
const NO_CANDIDATES: Candidates = { files: [], matchCount: 0, bySourceStart: 0, predicate: NEVER };

/** The condition that holds for every row of the table that a source row may match; null where nothing is known. */
async function matchingRows({ plan, session }: MergeTry): Promise<Expression | null> {
  const ranges: Expression[] = [];
  for (const { field, sourceSql } of plan.keys) {
    const range = await keyRange(session, sourceSql);
    // Without any key no row can match.
    if (range === null) return NEVER;
    ranges.push(between(field, range));
  }
  return allOf([...(plan.targetCondition === null ? [] : [plan.targetCondition]), ...ranges]);
}

function eitherOf(left: Expression | null, right: Expression | null): Expression | null {
  return left === null || right === null ? null : anyOf([left, right]);
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

interface Ranking {
  readonly key: StructField | null;
  readonly predicate: Expression | null;
  /** Conditions that the files will be held against by their statistics. */
  readonly judged: readonly Expression[];
}

/** All files of the partitions that the predicate does not rule out: only of those are statistics read. */
function rankedFiles(
  snapshot: Snapshot,
  { key, predicate, judged }: Ranking,
): readonly Candidate[] {
  const { schema } = snapshot;
  const partitions = partitionFields(snapshot);
  const columns = judged.flatMap((condition) => columnsRead(condition, schema).fields);
  const known = { ...schema, fields: [...new Set([...(key === null ? [] : [key]), ...columns])] };
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

/** Each key is compared with the bounds of so many files, which costs less than a sort: that gives each file one look-up. */
const COMPARED_FILES_MAX = 64;

/** Files whose bounds of the key are unknown, or have a key of the source between them. */
async function withKeyInside(
  session: Session,
  { field, sourceSql }: MergeKey,
  files: readonly Candidate[],
): Promise<readonly Candidate[]> {
  const bounded = files.flatMap((file, place) => {
    const bounds = boundsOf(file, field);
    if (bounds === null) return [];
    const [low, high] = [bounds.min, bounds.max].map((value) => boundSql(field, value));
    return [{ place, values: `(${String(place)}, ${low}, ${high})` }];
  });
  if (bounded.length === 0) return files;
  const bounds = `(VALUES ${bounded.map(({ values }) => values).join(', ')}) AS b(place, low, high)`;
  const keys = `SELECT ${sourceSql} AS key FROM ${SOURCE_TABLE} AS ${SOURCE} WHERE ${sourceSql} IS NOT NULL`;
  const rows = await session.query(
    bounded.length <= COMPARED_FILES_MAX
      ? `SELECT place FROM ${bounds} WHERE EXISTS (SELECT 1 FROM (${keys}) WHERE key BETWEEN low AND high)`
      : `SELECT place FROM ${bounds} ASOF JOIN (SELECT DISTINCT key FROM (${keys})) AS k ` +
          `ON low <= key WHERE key <= high`,
  );
  const hit = new Set(rows.map((row) => Number(row['place'])));
  const boundedPlaces = new Set(bounded.map(({ place }) => place));
  return files.filter((_, place) => hit.has(place) || !boundedPlaces.has(place));
}

/**
 * SQL for what keys of the source need to match any row of the files, as far as bounds are known: the fewer rows are in the
 * hash table of a join, the faster it is asked for all others.
 */
export function keysAmong(keys: readonly MergeKey[], files: readonly Candidate[]): string {
  const conditions = keys.flatMap(({ field, sourceSql }) => {
    const bounds = files.map((file) => boundsOf(file, field));
    const [first = null, ...others] = bounds;
    const all = others.reduce((left, right) => left && right && widened(left, right), first);
    if (all === null) return [];
    return [`${sourceSql} BETWEEN ${boundSql(field, all.min)} AND ${boundSql(field, all.max)}`];
  });
  return conditions.length === 0 ? 'TRUE' : conditions.join(' AND ');
}

function boundsOf({ statistics }: Candidate, { name }: StructField): Bounds | null {
  const { min = null, max = null } = statistics?.columns.get(name) ?? {};
  return min === null || max === null ? null : { min, max };
}

function boundSql({ type }: StructField, value: Scalar): string {
  return translate({ kind: 'literal', value, type }, []).sql;
}
