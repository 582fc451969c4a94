/** Rows that the engine selects → data files, in the order in which it selects them. */

import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { assert, present } from '../../base/index.ts';
import {
  copyToParquet,
  encoded,
  type EngineRow,
  type EngineValue,
  execute,
  identifier,
  literal,
  parquetFormat,
  type Session,
} from '../../engine/index.ts';
import type { PartitionValues } from '../../log/index.ts';
import { findField, printPartitionValue, type Scalar } from '../../schema/index.ts';
import type { TableContext } from '../types.ts';
import {
  copyDataFile,
  type FileTarget,
  finishLocalFile,
  type StagedFile,
  storedFields,
  writeDataFile,
} from './append-file.ts';
import { inParallel, stageAll, STORE_REQUESTS_MAX } from './append-stage.ts';
import { filesWithoutColumns } from './errors.ts';
import { ROW } from './row-matches.ts';

/** What statements that write files of one table share. */
export interface SelectWriter {
  readonly ctx: TableContext;
  /** From `openOrderedSession`. */
  readonly session: Session;
  readonly target: FileTarget;
  readonly signal: AbortSignal | undefined;
}

/**
 * Writes the rows of one SELECT, which gives the columns of the table: to one file, or to one for each partition that
 * it has rows of. Several calls may run side by side.
 */
export async function stageSelect(
  writer: SelectWriter,
  select: string,
): Promise<readonly StagedFile[]> {
  return writer.target.partitionColumns.length === 0
    ? stageInto(writer, {}, select)
    : stagePartitions(writer, select);
}

/** Writes the rows of one SELECT, all of which are of one partition, to one file. Errors: `TABLE_WITHOUT_COLUMNS`. */
export async function stageInto(
  { ctx, session, target, signal }: SelectWriter,
  partitionValues: PartitionValues,
  select: string,
): Promise<readonly StagedFile[]> {
  const file = await writeDataFile(ctx, target, partitionValues, (localFile) =>
    copyToParquet(session, `SELECT ${fileColumns(target)} FROM (${select})`, {
      file: localFile,
      codec: target.codec,
      fields: storedFields(target),
      ...(signal === undefined ? {} : { signal }),
    }),
  );
  return file === null ? [] : [file];
}

/** A partition is written when all its rows are there: pieces of it would overtake one another, or become files of their own. */
const IN_ORDER = 'SET partitioned_write_flush_threshold = 9223372036854775807';

/**
 * One pass finds the partitions and gives each a number, a second one writes a local file for each number. By numbers,
 * because the engine's own folder names would have to be parsed back into values.
 */
async function stagePartitions(
  writer: SelectWriter,
  select: string,
): Promise<readonly StagedFile[]> {
  const { ctx, session, target, signal } = writer;
  const options = signal === undefined ? {} : { signal };
  const number = numberColumn(target);
  const numberSql = identifier(number);
  const name = `partitions-${ctx.random.uuid()}`;
  const folder = join(session.tempDirectory, name);
  const table = identifier(name);
  const columns = target.partitionColumns.map(identifier);
  await execute(
    session,
    `CREATE TABLE ${table} AS SELECT row_number() OVER () AS ${numberSql}, * ` +
      `FROM (SELECT DISTINCT ${columns.join(', ')} FROM (${select}))`,
    options,
  );
  const same = columns
    .map((column) => `p.${column} IS NOT DISTINCT FROM ${ROW}.${column}`)
    .join(' AND ');
  const numbered =
    `SELECT ${fileColumns(target)}, ${numberSql} FROM (` +
    `SELECT ${ROW}.*, p.${numberSql} FROM (${select}) AS ${ROW} JOIN ${table} AS p ON ${same})`;
  await encoded(session, numbered, storedFields(target), async (rows, encoding) => {
    // What an encoding leaves behind that was given up.
    await rm(folder, { recursive: true, force: true });
    const format = `${parquetFormat(target.codec, { encoding })}, PARTITION_BY (${numberSql})`;
    const copy = `COPY (${rows}) TO ${literal(folder)} (${format})`;
    return execute(session, `${IN_ORDER}; ${copy}`, options);
  });
  const partitions = await session.query(`SELECT * FROM ${table}`, options);
  await session.run(`DROP TABLE ${table}`);
  return adopt(
    writer,
    folder,
    new Map(partitions.map((row) => [Number(row[number]), valuesOf(row, target)])),
  );
}

/** The local files of the partitions, copied into the table. */
async function adopt(
  { ctx, target }: SelectWriter,
  folder: string,
  partitions: ReadonlyMap<number, PartitionValues>,
): Promise<readonly StagedFile[]> {
  const local = await ctx.resolve(pathToFileURL(folder).href);
  const names = partitions.size === 0 ? [] : await readdir(folder, { recursive: true });
  const parquet = names.filter((name) => name.endsWith('.parquet')).sort();
  const files = await inParallel(parquet, STORE_REQUESTS_MAX, async (name) => {
    const number = Number(/=(\d+)\//.exec(name)?.[1]);
    const values = present(partitions.get(number), 'the partition of a file');
    const path = local.path === '' ? name : `${local.path}/${name}`;
    const footer = await finishLocalFile(target, join(folder, name));
    const meta = present(await local.store.head(path), 'a file that was written');
    return { values, source: { ...local, ...meta, footer } };
  });
  const staged = await stageAll(ctx, files, STORE_REQUESTS_MAX, async ({ values, source }) => {
    const file = await copyDataFile(ctx, target, values, source);
    return file === null ? [] : [file];
  });
  await rm(folder, { recursive: true, force: true });
  return staged;
}

/** A name that no column of the table has: with column mapping, columns may have any. */
function numberColumn({ schema }: FileTarget): string {
  let name = 'partition number';
  while (findField(schema, name) !== null) name += ' ';
  return name;
}

/** The values of a partition as texts of the log. */
function valuesOf(row: EngineRow, target: FileTarget): PartitionValues {
  const values = target.partitionColumns.map((column) => {
    const { type } = present(findField(target.schema, column), `the partition column ${column}`);
    return [column, printPartitionValue(scalarOf(row[column]), type)] as const;
  });
  return Object.fromEntries(values);
}

/** Values of the types that a table may be partitioned by are alike in the engine and in the schema room. */
export function scalarOf(value: EngineValue | undefined): Scalar | null {
  if (value === undefined || value === null) return null;
  assert(value instanceof Uint8Array || typeof value !== 'object', 'a nested value is no scalar');
  return value;
}

function fileColumns(target: FileTarget): string {
  const fields = storedFields(target);
  if (fields.length === 0) throw filesWithoutColumns();
  return fields.map(({ name }) => identifier(name)).join(', ');
}
