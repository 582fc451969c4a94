/** The first half of a merge: which rows of which files change, and by which clause. */

import {
  execute,
  identifier,
  literal,
  type RelationFile,
  relationSql,
  type Session,
} from '../../engine/index.ts';
import { type StructType, TIMESTAMP, typesEqual } from '../../schema/index.ts';
import { ENGINE_STATEMENTS_MAX, inParallel } from './append-stage.ts';
import { mergeAmbiguous } from './errors.ts';
import { mappingOf, tableRelations } from './input-table.ts';
import { type Candidate, type Candidates, keysAmong, type MergeTry } from './merge-candidates.ts';
import {
  type BySourcePlan,
  type ChangingColumn,
  CLAUSE,
  type MergeKey,
  type MergePlan,
  newValueOf,
} from './merge-plan.ts';
import { SOURCE, TARGET } from './merge-scope.ts';
import { SOURCE_TABLE } from './merge-source.ts';

/**
 * The engine's table of rows that match, or take a clause though they do not: file (by its number among the candidates),
 * row, source row or null, clause or null.
 */
export const PAIRS_TABLE = 'merge_pairs';

/** What is to change in a file. */
export interface MatchedFile {
  /** Rows, also those that no source row matches. */
  readonly updatedCount: number;
  readonly deletedCount: number;
  /** Those of them that no source row matches. */
  readonly bySourceUpdatedCount: number;
  readonly bySourceDeletedCount: number;
  /** True where an update is known to change a row; false leaves it open. */
  readonly differs: boolean;
}

/** Fills the table of pairs; returns, by number of the file, what is to change in it. Errors: `MERGE_AMBIGUOUS` (data). */
export async function findMatches(
  merge: MergeTry,
  { files, matchCount, bySourceStart }: Candidates,
): Promise<ReadonlyMap<number, MatchedFile>> {
  const { session, plan } = merge;
  await session.run(
    `CREATE OR REPLACE TABLE ${PAIRS_TABLE} ` +
      `(file INTEGER NOT NULL, row BIGINT NOT NULL, source BIGINT, ` +
      `${CLAUSE} INTEGER, differs BOOLEAN)`,
  );
  await joinFiles(merge, files.slice(0, matchCount));
  await refuseAmbiguous(session, plan);
  if (plan.bySource !== null) {
    const unmatched = { files: files.slice(bySourceStart), start: bySourceStart };
    await findUnmatched(merge, plan.bySource, unmatched);
  }
  const isDelete = `${CLAUSE} IN (${['-1', ...plan.deletes.map(String)].join(', ')})`;
  const rows = await session.query(
    `SELECT file, count(DISTINCT row) FILTER (NOT ${isDelete}) AS updated, ` +
      `count(DISTINCT row) FILTER (${isDelete}) AS deleted, ` +
      `count(*) FILTER (source IS NULL AND NOT ${isDelete}) AS updated_by_source, ` +
      `count(*) FILTER (source IS NULL AND ${isDelete}) AS deleted_by_source, ` +
      `bool_or(differs) AS differs ` +
      `FROM ${PAIRS_TABLE} WHERE ${CLAUSE} IS NOT NULL GROUP BY file ORDER BY file`,
  );
  return new Map(
    rows.map((row) => [
      Number(row['file']),
      {
        updatedCount: Number(row['updated']),
        deletedCount: Number(row['deleted']),
        bySourceUpdatedCount: Number(row['updated_by_source']),
        bySourceDeletedCount: Number(row['deleted_by_source']),
        differs: row['differs'] === true,
      },
    ]),
  );
}

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
      : `${newValueOf(plan, probe.field, `(${plan.clause})`)} ` +
        `IS DISTINCT FROM ${TARGET}.${identifier(probe.field.name)}`;
  const relations = await tableRelations(ctx, stage, snapshot, {
    files: files.map(({ add }) => add),
    columns,
  });
  await inShares(relations, async (share, start) => {
    const rows = numberedRows(merge, share, columns);
    const among = keysAmong(plan.keys, files.slice(start, start + share.length));
    await execute(
      session,
      `INSERT INTO ${PAIRS_TABLE} SELECT ${TARGET}.${identifier(merge.fileNumber)} + ${String(start)}, ` +
        `${TARGET}.${identifier(merge.rowNumber)}, ${SOURCE}.rowid, ${plan.clause}, ${differs} ` +
        `FROM (${rows}) AS ${TARGET} JOIN ${SOURCE_TABLE} AS ${SOURCE} ` +
        `ON (${plan.on}) AND ${among}`,
      signal === undefined ? {} : { signal },
    );
  });
}

/** Adds the rows that no source row matches and that take a clause; `start` is the number of the first file. */
async function findUnmatched(
  merge: MergeTry,
  bySource: BySourcePlan,
  { files, start: first }: { readonly files: readonly Candidate[]; readonly start: number },
): Promise<void> {
  const { ctx, session, stage, snapshot, signal } = merge;
  const relations = await tableRelations(ctx, stage, snapshot, {
    files: files.map(({ add }) => add),
    columns: bySource.columns,
  });
  await inShares(relations, async (share, start) => {
    const rows = numberedRows(merge, share, bySource.columns);
    const file = `${TARGET}.${identifier(merge.fileNumber)} + ${String(first + start)}`;
    const row = `${TARGET}.${identifier(merge.rowNumber)}`;
    const isMatched = `(${file}, ${row}) IN (SELECT (file, row) FROM ${PAIRS_TABLE})`;
    // A condition may fail on rows that it is not for.
    const clause = `CASE WHEN ${isMatched} THEN NULL ELSE ${bySource.clause} END`;
    await execute(
      session,
      `INSERT INTO ${PAIRS_TABLE} SELECT * FROM (SELECT ${file} AS file, ${row} AS row, ` +
        `NULL::BIGINT AS source, ${clause} AS ${CLAUSE}, NULL::BOOLEAN AS differs ` +
        `FROM (${rows}) AS ${TARGET}) WHERE ${CLAUSE} IS NOT NULL`,
      signal === undefined ? {} : { signal },
    );
  });
}

/** As many statements side by side as there may be; each gets the place of its first file. */
async function inShares(
  relations: readonly RelationFile[],
  work: (share: readonly RelationFile[], start: number) => Promise<void>,
): Promise<void> {
  const shareLength = Math.ceil(relations.length / ENGINE_STATEMENTS_MAX);
  const starts = relations.length === 0 ? [] : [0, shareLength];
  await inParallel(starts, ENGINE_STATEMENTS_MAX, (start) =>
    work(relations.slice(start, start + shareLength), start),
  );
}

function numberedRows(
  { snapshot, fileNumber, rowNumber }: MergeTry,
  files: readonly RelationFile[],
  columns: StructType,
): string {
  return relationSql(files, {
    schema: columns,
    partitionColumns: snapshot.partitionColumns,
    mapping: mappingOf(snapshot),
    fileIndex: fileNumber,
    rowNumber,
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
  if (plan.deletesMatched) return;
  const [row] = await session.query(
    `SELECT count(*) AS ambiguous, min(source) AS example FROM (SELECT min(source) AS source ` +
      `FROM ${PAIRS_TABLE} WHERE ${CLAUSE} IS NOT NULL GROUP BY file, row HAVING count(*) > 1)`,
  );
  const rowCount = Number(row?.['ambiguous']);
  if (rowCount === 0) return;
  throw mergeAmbiguous(rowCount, await keyText(session, plan.keys, Number(row?.['example'])));
}

/** The keys of one row of the source, for people; empty where the condition asks for none. */
async function keyText(
  session: Session,
  keys: readonly MergeKey[],
  sourceRow: number,
): Promise<string> {
  const parts = keys.map(
    ({ field, sourceSql }) => `concat(${literal(`${field.name} = `)}, ${sourceSql})`,
  );
  const [row] = await session.query(
    `SELECT concat_ws(', ', ${['NULL', ...parts].join(', ')}) AS example ` +
      `FROM ${SOURCE_TABLE} AS ${SOURCE} WHERE ${SOURCE}.rowid = ${String(sourceRow)}`,
  );
  const example = row?.['example'];
  return typeof example === 'string' ? example : '';
}
