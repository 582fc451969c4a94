/**
 * A key enters once. Keys are compared by 64-bit hashes first, so that memory follows the batch and not the length of
 * its keys, and whatever meets by hash is compared again by its real values.
 */

import { identifier } from './quote.ts';
import { execute } from './rewrite.ts';
import type { EngineValue, Session, StatementOptions } from './types.ts';

/** The rows of a batch, each with its place and its key; keys are never null. */
export interface KeyedRows {
  /** A SELECT of `file` (INTEGER), `row` (BIGINT, from 0) and the columns of the key. */
  readonly select: string;
  readonly file: string;
  readonly row: string;
  readonly keyColumns: readonly string[];
}

/** The places of the rows that are not to enter, kept in tables of one session. */
export interface DroppedRows {
  /** Of each file with any, by its number. */
  readonly byFile: ReadonlyMap<number, number>;
  readonly count: number;
}

const DROPPED = 'dropped_rows';
const FILE_COLUMN = 'file_number';
const ROW_COLUMN = 'file_row';

/** More hashes than these are probed in several passes over the existing keys, each within bounded memory. */
const HASHES_PER_PASS_MAX = 2_000_000;

/** Places in the text of one statement. */
const ROWS_PER_STATEMENT_MAX = 100_000;

/** A condition that is true for the rows that enter; `file` and `row` are SQL for a row's place. */
export function survives(file: string, row: string): string {
  return (
    `NOT EXISTS (SELECT 1 FROM ${DROPPED} AS dropped ` +
    `WHERE dropped.${FILE_COLUMN} = ${file} AND dropped.${ROW_COLUMN} = ${row})`
  );
}

/** Makes the table that `survives` reads, with nothing in it. Once a session. */
export async function prepareDrops(session: Session): Promise<void> {
  await session.run(
    `CREATE TABLE ${DROPPED} (${FILE_COLUMN} INTEGER NOT NULL, ${ROW_COLUMN} BIGINT NOT NULL)`,
  );
}

/** Drops rows by their places, those of each file by its number. None of them may be dropped already. */
export async function dropRows(
  session: Session,
  byFile: ReadonlyMap<number, readonly number[]>,
  options: StatementOptions = {},
): Promise<void> {
  for (const [file, rows] of byFile) {
    for (let start = 0; start < rows.length; start += ROWS_PER_STATEMENT_MAX) {
      const some = rows.slice(start, start + ROWS_PER_STATEMENT_MAX).join(',');
      // One text, because a list of so many numbers takes the parser longer than all the rest.
      await session.run(
        `INSERT INTO ${DROPPED} SELECT ${String(file)}, ` +
          `unnest(CAST(string_split('${some}', ',') AS BIGINT[]))`,
        options,
      );
    }
  }
}

/** Of rows with one key, drops all but the one in the lowest file and row. */
export async function dropWithinBatch(
  session: Session,
  batch: KeyedRows,
  options: StatementOptions = {},
): Promise<void> {
  const [keys, rows] = [keyList(batch), keyedRows(batch)];
  await session.run(
    `CREATE OR REPLACE TABLE repeated_hashes AS SELECT h FROM ` +
      `(SELECT hash(${keys}) AS h FROM (${rows})) GROUP BY h HAVING count(*) > 1`,
    options,
  );
  await session.run(
    `INSERT INTO ${DROPPED} SELECT ${FILE_COLUMN}, ${ROW_COLUMN} FROM (` +
      `SELECT ${FILE_COLUMN}, ${ROW_COLUMN}, row_number() OVER ` +
      `(PARTITION BY ${keys} ORDER BY ${FILE_COLUMN}, ${ROW_COLUMN}) AS occurrence ` +
      `FROM (${rows}) WHERE hash(${keys}) IN (SELECT h FROM repeated_hashes)) ` +
      `WHERE occurrence > 1`,
    options,
  );
  await session.run('DROP TABLE repeated_hashes', options);
}

/**
 * Drops the rows whose key is among those of `existing`: SELECTs of the same key columns, which run side by side.
 * Returns how many rows it dropped that were not dropped already.
 */
export async function dropExisting(
  session: Session,
  batch: KeyedRows,
  existing: readonly string[],
  options: StatementOptions = {},
): Promise<number> {
  if (existing.length === 0) return 0;
  await session.run(
    `CREATE OR REPLACE TABLE batch_hashes AS ` +
      `SELECT hash(${keyList(batch)}) AS h FROM (${keyedRows(batch)})`,
    options,
  );
  const [counted] = await session.query('SELECT count(*) AS hashes FROM batch_hashes', options);
  const passCount = Math.ceil(Number(counted?.['hashes']) / HASHES_PER_PASS_MAX);
  let dropped = 0;
  for (let pass = 0; pass < passCount; pass += 1) {
    const share = passCount === 1 ? 'true' : `h % ${String(passCount)} = ${String(pass)}`;
    await findHits(session, { existing, share, batch }, options);
    dropped += await dropHits(session, { share, batch }, options);
  }
  await session.run('DROP TABLE batch_hashes', options);
  return dropped;
}

/** What has been dropped so far. */
export async function droppedRows(session: Session): Promise<DroppedRows> {
  const rows = await session.query(
    `SELECT ${FILE_COLUMN} AS file, count(*) AS rows FROM ${DROPPED} GROUP BY ALL ORDER BY ALL`,
  );
  const byFile = new Map(rows.map((row) => [toNumber(row['file']), toNumber(row['rows'])]));
  return { byFile, count: [...byFile.values()].reduce((sum, rowCount) => sum + rowCount, 0) };
}

interface Pass {
  readonly batch: KeyedRows;
  /** Which hashes `h` are this pass's. */
  readonly share: string;
}

/** Existing keys whose hash the batch has too: by an inner join, which costs less than a semi-join. */
async function findHits(
  session: Session,
  { batch, share, existing }: Pass & { readonly existing: readonly string[] },
  options: StatementOptions,
): Promise<void> {
  const keys = keyList(batch);
  await session.run(
    `CREATE OR REPLACE TABLE hits AS SELECT ${keys} FROM (${keyedRows(batch)}) LIMIT 0`,
    options,
  );
  const insert = (select: string): string =>
    `INSERT INTO hits SELECT ${keys} FROM (SELECT *, hash(${keys}) AS h ` +
    `FROM (SELECT ${keyItems(batch)} FROM (${select})) WHERE ${share}) ` +
    `JOIN (SELECT DISTINCT h FROM batch_hashes WHERE ${share}) USING (h)`;
  await Promise.all(existing.map((select) => execute(session, insert(select), options)));
}

/** Rows of the batch whose real key is among the hits. */
async function dropHits(
  session: Session,
  { batch, share }: Pass,
  options: StatementOptions,
): Promise<number> {
  const matches = keyNames(batch).map((name) => `hits.${name} = batch.${name}`);
  const dropped = await execute(
    session,
    `INSERT INTO ${DROPPED} SELECT ${FILE_COLUMN}, ${ROW_COLUMN} ` +
      `FROM (SELECT *, hash(${keyList(batch)}) AS h FROM (${keyedRows(batch)})) AS batch WHERE ${share} ` +
      `AND EXISTS (SELECT 1 FROM hits WHERE ${matches.join(' AND ')}) ` +
      `AND ${survives(`batch.${FILE_COLUMN}`, `batch.${ROW_COLUMN}`)}`,
    options,
  );
  await session.run('DROP TABLE hits', options);
  return dropped;
}

/** The batch under names of our own: a key may be called anything, as these tables and their columns too. */
function keyedRows(batch: KeyedRows): string {
  const place = [
    `${identifier(batch.file)} AS ${FILE_COLUMN}`,
    `${identifier(batch.row)} AS ${ROW_COLUMN}`,
  ];
  return `SELECT ${place.join(', ')}, ${keyItems(batch)} FROM (${batch.select})`;
}

function keyItems({ keyColumns }: KeyedRows): string {
  return keyColumns.map((name, index) => `${identifier(name)} AS key_${String(index)}`).join(', ');
}

function keyNames({ keyColumns }: KeyedRows): readonly string[] {
  return keyColumns.map((_, index) => `key_${String(index)}`);
}

function keyList(batch: KeyedRows): string {
  return keyNames(batch).join(', ');
}

function toNumber(value: EngineValue | undefined): number {
  return Number(value);
}
