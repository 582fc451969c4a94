/** Files from outside, transformed by Spark's SQL on their way into a table: one pass of the engine, one local file. */

import { pathToFileURL } from 'node:url';

import { isDeltaError, present } from '../../base/index.ts';
import {
  copyToParquet,
  openOrderedSession,
  planTransform,
  type RelationFile,
  relationSql,
  type Session,
  type TransformPlan,
} from '../../engine/index.ts';
import {
  evolveSchema,
  findField,
  hivePartition,
  parsePartitionValue,
  type Scalar,
  type StructType,
  type Transform,
} from '../../schema/index.ts';
import type { TableContext } from '../types.ts';
import { readLocalFooter } from './append-file.ts';
import { inParallel, STORE_REQUESTS_MAX } from './append-stage.ts';
import { columnsIn, keyIsGood, keySchema } from './input.ts';
import { schemaOfColumns } from './input-schema.ts';
import { LocalStage } from './input-stage.ts';
import type { PreparedInput, Rejection } from './input-types.ts';

export interface TransformOptions {
  /**
   * Of the source: what the transform's names stand for. A column that a file lacks, or a field inside one, is null;
   * unless a folder of the file's path names the column (`date=2024-01-01/`): then it has that value.
   */
  readonly schema: StructType;
  /** Columns of the source without whose value a row is passed over: those that the inputs were inspected with. Default none. */
  readonly sourceKeys?: readonly string[];
  /** Columns of the result without whose value a row does not enter: they count as `badKeyCount`. Default none. */
  readonly keyColumns?: readonly string[];
  readonly signal?: AbortSignal;
}

export interface TransformedInputs {
  /** One local file, ordered as the transform says; none where there are no rows. */
  readonly inputs: readonly PreparedInput[];
  readonly schema: StructType;
  readonly rowCount: number;
  /** Removes the file; not before the inputs have been used. */
  readonly close: () => Promise<void>;
}

/**
 * The same inputs in the same order give the same rows in the same order. Inputs whose `orderBy` is not given keep theirs.
 * Errors: those of `planTransform`; `ENGINE_VALUE` (data) where a value does not fit an expression, `ENGINE_FILE_TYPE`
 * (data) where a file does not fit the schema, `SCHEMA_PARTITION_VALUE` (data), those of the store.
 */
export async function transformInputs(
  ctx: TableContext,
  inputs: readonly PreparedInput[],
  transform: Transform,
  options: TransformOptions,
): Promise<TransformedInputs> {
  const plan = planTransform(transform, options.schema);
  const stage = await LocalStage.open();
  try {
    const session = await openOrderedSession(await ctx.engine());
    try {
      return await transformed(ctx, inputs, { plan, session, stage, options });
    } finally {
      await session.close();
    }
  } catch (error) {
    await stage.close();
    throw error;
  }
}

export interface InferredSchema {
  /** The columns of the accepted inputs, in the order in which they are first seen. */
  readonly schema: StructType;
  readonly accepted: readonly PreparedInput[];
  readonly rejected: readonly Rejection[];
}

/**
 * The schema of a source that declares none: that of the inputs' own footers, nested fields put together too. An input
 * whose columns contradict those before it is rejected (`INPUT_TYPE_MISMATCH`, `INPUT_TYPE_UNKNOWN`). For inputs that were
 * inspected without columns; lines of JSON have none of their own.
 */
export function inferSchema(inputs: readonly PreparedInput[]): InferredSchema {
  let schema: StructType = { kind: 'struct', fields: [] };
  const accepted: PreparedInput[] = [];
  const rejected: Rejection[] = [];
  for (const input of inputs) {
    const refused = (code: string, reason: string): void => {
      rejected.push({ path: input.file.path, row: null, code, reason, retryLater: false });
    };
    try {
      const evolution = evolveSchema(schema, schemaOfColumns(input.footer.columns), 'add');
      if (evolution.kind === 'refused') {
        refused('INPUT_TYPE_MISMATCH', `the column ${evolution.column}: ${evolution.reason}`);
        continue;
      }
      ({ schema } = evolution);
      accepted.push(input);
    } catch (error) {
      if (!isDeltaError(error, 'INPUT_TYPE_UNKNOWN')) throw error;
      refused(error.code, error.message);
    }
  }
  return { schema, accepted, rejected };
}

interface Work {
  readonly plan: TransformPlan;
  readonly session: Session;
  readonly stage: LocalStage;
  readonly options: TransformOptions;
}

/** No column of a table without column mapping has a space in its name. */
const FILE_NUMBER = 'file number';
const ROW_NUMBER = 'row number';

async function transformed(
  ctx: TableContext,
  inputs: readonly PreparedInput[],
  { plan, session, stage, options }: Work,
): Promise<TransformedInputs> {
  const { sourceKeys = [], keyColumns = [], signal } = options;
  const keys = keySchema({ schema: options.schema, keyColumns: sourceKeys });
  const columns = {
    ...options.schema,
    fields: options.schema.fields.filter(
      (field) => plan.reads.fields.includes(field) || keys.fields.includes(field),
    ),
  };
  const relations = await inParallel(inputs, STORE_REQUESTS_MAX, (input) => {
    signal?.throwIfAborted();
    return inputRelation(stage, input, columns);
  });
  const rows = relationSql(relations, {
    schema: columns,
    partitionColumns: [],
    mapping: 'none',
    fileIndex: FILE_NUMBER,
    rowNumber: ROW_NUMBER,
    isSorted: plan.isSorted,
  });
  const good = keys.fields.length === 0 ? rows : `SELECT * FROM (${rows}) WHERE ${keyIsGood(keys)}`;
  const file = stage.freshFile('.parquet');
  const rowCount = await copyToParquet(session, plan.sql(good, [FILE_NUMBER, ROW_NUMBER]), {
    file,
    codec: 'snappy',
    fields: plan.schema.fields,
    ...(signal === undefined ? {} : { signal }),
  });
  const { schema } = plan;
  const badKeyCount = await countBadKeys(session, file, keySchema({ schema, keyColumns }));
  const input = await localInput(ctx, file, badKeyCount);
  return { inputs: rowCount === 0 ? [] : [input], schema, rowCount, close: () => stage.close() };
}

async function inputRelation(
  stage: LocalStage,
  { file, parquet, footer }: PreparedInput,
  columns: StructType,
): Promise<RelationFile> {
  const names = columns.fields.map(({ name }) => name);
  return {
    localPath: await stage.localFile(parquet, footer, columnsIn(footer, names)),
    columns: footer.columns,
    partitionValues: partitionScalars(file.path, columns),
  };
}

function partitionScalars(path: string, columns: StructType): ReadonlyMap<string, Scalar | null> {
  const values = new Map<string, Scalar | null>();
  for (const [name, text] of hivePartition(path)) {
    const field = findField(columns, name);
    if (field !== null) values.set(field.name, parsePartitionValue(text, field.type));
  }
  return values;
}

async function countBadKeys(session: Session, file: string, keys: StructType): Promise<number> {
  if (keys.fields.length === 0) return 0;
  const { columns } = await readLocalFooter(file);
  const rows = relationSql([{ localPath: file, columns, partitionValues: new Map() }], {
    schema: keys,
    partitionColumns: [],
    mapping: 'none',
  });
  const [counted] = await session.query(
    `SELECT count(*) AS bad FROM (${rows}) WHERE NOT (${keyIsGood(keys)})`,
  );
  return Number(counted?.['bad']);
}

async function localInput(
  ctx: TableContext,
  file: string,
  badKeyCount: number,
): Promise<PreparedInput> {
  const { store, path } = await ctx.resolve(pathToFileURL(file).href);
  const meta = present(await store.head(path), 'a file that was written');
  return {
    file: { ...meta, store, path, format: 'parquet' },
    parquet: { store, path, sizeBytes: meta.sizeBytes, etag: meta.etag },
    footer: await readLocalFooter(file),
    badKeyCount,
  };
}
