/** The source of a merge, loaded once: a table in the engine, spilled to disk where it is large. */

import { stat, writeFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';

import type { RecordBatch, Table } from 'apache-arrow';

import { identifier, type RelationFile, relationSql, type Session } from '../../engine/index.ts';
import { checkReadable } from '../../log/index.ts';
import { arrowToSchema, checkRow, rowsToArrow, writeParquet } from '../../parquet/index.ts';
import {
  BINARY,
  BOOLEAN,
  type DataType,
  DOUBLE,
  findField,
  LONG,
  type Row,
  type RowValue,
  STRING,
  type StructType,
  TIMESTAMP,
  withoutMapping,
} from '../../schema/index.ts';
import type { TableContext } from '../types.ts';
import { totalOf } from './append-commit.ts';
import { readLocalFooter } from './append-file.ts';
import { sourceOptions, sourceRelation } from './append-parquet.ts';
import { inParallel, STORE_REQUESTS_MAX } from './append-stage.ts';
import { sourceMissing, sourceTypeOpen } from './errors.ts';
import { schemaOfFiles } from './input-schema.ts';
import { type LocalStage, storedFooter } from './input-stage.ts';
import { mappingOf, tableRelations } from './input-table.ts';
import { sourceColumn } from './merge-scope.ts';
import type { MergeSource, OpenedTable } from './merge-types.ts';
import { copyQuery } from './query.ts';

/** The engine's table of the source; its columns are those of `sourceColumn`, its rows are told apart by `rowid`. */
export const SOURCE_TABLE = 'merge_source';

export interface LoadedSource {
  readonly schema: StructType;
  readonly rowCount: number;
  /** Of the Parquet files that it was loaded from. */
  readonly sizeBytes: number;
}

export interface LoadOptions {
  readonly session: Session;
  readonly stage: LocalStage;
  /** The table's: what rows without a schema of their own are read by. */
  readonly tableSchema: StructType;
}

/**
 * Errors: `APPEND_SOURCE_MISSING`, `MERGE_SOURCE_TYPE`, `MERGE_SOURCE_MIXED`, `INPUT_BAD_VALUE` (invalid),
 * `INPUT_TYPE_UNKNOWN` (unsupported).
 */
export async function loadSource(
  ctx: TableContext,
  source: MergeSource,
  { session, stage, tableSchema }: LoadOptions,
): Promise<LoadedSource> {
  const { schema, files, sql } = await sourceFiles(ctx, source, { stage, tableSchema });
  const columns = schema.fields.map(
    ({ name }, index) => `${identifier(name)} AS ${sourceColumn(index)}`,
  );
  await session.run(
    `CREATE TABLE ${SOURCE_TABLE} AS SELECT ${columns.join(', ')} ` +
      `FROM (${sql ?? relationSql(files, sourceOptions({ schema }))})`,
  );
  const [counted] = await session.query(`SELECT count(*) AS source_rows FROM ${SOURCE_TABLE}`);
  const sizes = await inParallel(files, STORE_REQUESTS_MAX, ({ localPath }) => stat(localPath));
  return {
    schema,
    rowCount: Number(counted?.['source_rows']),
    sizeBytes: totalOf(sizes, ({ size }) => size),
  };
}

interface SourceFiles {
  readonly schema: StructType;
  readonly files: readonly RelationFile[];
  /** Their rows, where they are not just what stands in the files. */
  readonly sql?: string;
}

type FileOptions = Pick<LoadOptions, 'stage' | 'tableSchema'>;

async function sourceFiles(
  ctx: TableContext,
  source: MergeSource,
  options: FileOptions,
): Promise<SourceFiles> {
  if ('rows' in source) return filesOfRows(source, options);
  if ('opened' in source) return filesOfTable(source.opened, options.stage);
  if ('query' in source) {
    const file = options.stage.freshFile('.parquet');
    await copyQuery(ctx, source.query.sql, source.query, file);
    return sourceFiles(ctx, { parquet: [pathToFileURL(file).href] }, options);
  }
  // Nothing says what the columns of no data are: those of the table suit every condition over them.
  const parts = 'arrow' in source ? source.arrow : source.parquet;
  if (Array.isArray(parts) && parts.length === 0) return { schema: options.tableSchema, files: [] };
  if ('arrow' in source) return filesOfArrow(source.arrow, options.stage);
  const files = await inParallel(source.parquet, STORE_REQUESTS_MAX, async (uri) => {
    const place = await ctx.resolve(uri);
    const meta = await place.store.head(place.path);
    if (meta === null) throw sourceMissing(uri);
    const stored = { ...place, sizeBytes: meta.sizeBytes };
    return { ...stored, uri, footer: await storedFooter(stored) };
  });
  const schema = schemaOfFiles(files);
  const relations = await inParallel(files, STORE_REQUESTS_MAX, (file) =>
    sourceRelation(options.stage, file),
  );
  return { schema, files: relations };
}

async function filesOfTable(
  { context, snapshot }: OpenedTable,
  stage: LocalStage,
): Promise<SourceFiles> {
  checkReadable(snapshot.protocol, snapshot.metadata, { hasCatalog: true });
  const { partitionColumns } = snapshot;
  const schema = withoutMapping(snapshot.schema);
  const files = await tableRelations(context, stage, snapshot, {
    files: [...snapshot.files()],
    columns: snapshot.schema,
  });
  const options = { schema: snapshot.schema, partitionColumns, mapping: mappingOf(snapshot) };
  return { schema, files, sql: relationSql(files, options) };
}

async function filesOfArrow(
  data: Table | readonly RecordBatch[],
  stage: LocalStage,
): Promise<SourceFiles> {
  const arrow = await import('apache-arrow');
  const table = 'batches' in data ? data : new arrow.Table([...data]);
  return {
    schema: await arrowToSchema(table.schema),
    files: [await localRelation(stage, await writeParquet(table))],
  };
}

/** Rows in one local file: they become columns many at a time, so that few are in memory as objects. */
const ROWS_PER_FILE = 262_144;

async function filesOfRows(
  source: Extract<MergeSource, { readonly rows: unknown }>,
  { stage, tableSchema }: FileOptions,
): Promise<SourceFiles> {
  const files: RelationFile[] = [];
  let waiting: Row[] = [];
  let { schema } = source;
  let rowCount = 0;
  const flush = async (): Promise<StructType> => {
    const known = schema ?? schemaOfRows(waiting, tableSchema);
    const first = rowCount - waiting.length;
    const rowIndexes = waiting.map((_, place) => first + place);
    const table = await rowsToArrow(known, waiting, { rowIndexes });
    files.push(await localRelation(stage, await writeParquet(table)));
    waiting = [];
    return known;
  };
  for await (const row of source.rows) {
    checkRow(row, rowCount);
    rowCount += 1;
    waiting.push(row);
    if (waiting.length === ROWS_PER_FILE) schema = await flush();
  }
  schema = await flush();
  return { schema, files };
}

async function localRelation(stage: LocalStage, bytes: Uint8Array): Promise<RelationFile> {
  const localPath = stage.freshFile('.parquet');
  await writeFile(localPath, bytes);
  const { columns } = await readLocalFooter(localPath);
  return { localPath, columns, partitionValues: new Map() };
}

/** The table's type for its own columns, else the type of the first value; all of the table's where no row has any. */
function schemaOfRows(rows: readonly Row[], tableSchema: StructType): StructType {
  const types = new Map<string, DataType | null>();
  for (const row of rows) {
    for (const [name, value] of Object.entries(row)) {
      if ((types.get(name) ?? null) !== null) continue;
      types.set(name, findField(tableSchema, name)?.type ?? typeOfValue(value));
    }
  }
  if (types.size === 0) return tableSchema;
  const fields = [...types].map(([name, type]) => {
    if (type === null) throw sourceTypeOpen(name);
    return { name, type, nullable: true, metadata: {} };
  });
  return { kind: 'struct', fields };
}

function typeOfValue(value: RowValue | undefined): DataType | null {
  if (value instanceof Date) return TIMESTAMP;
  if (value instanceof Uint8Array) return BINARY;
  switch (typeof value) {
    case 'string':
      return STRING;
    case 'boolean':
      return BOOLEAN;
    case 'bigint':
      return LONG;
    case 'number':
      return DOUBLE;
    default:
      return null;
  }
}
