/** What comes from outside into a table that makes values of its own: columns that rows do not bring are filled on the way. */

import { writeFile } from 'node:fs/promises';

import {
  identifier,
  openOrderedSession,
  type RelationFile,
  relationSql,
} from '../../engine/index.ts';
import { rowsToArrow, writeParquet } from '../../parquet/index.ts';
import {
  BOOLEAN,
  type Row,
  type StructField,
  type StructType,
  unusedName,
} from '../../schema/index.ts';
import type { Snapshot, TableContext } from '../types.ts';
import { totalOf } from './append-commit.ts';
import { type FileTarget, readLocalFooter, type StagedFile } from './append-file.ts';
import {
  encodeRuns,
  fittingFiles,
  type FittingFile,
  type ParquetOptions,
  sourceRelation,
  stageFitting,
} from './append-parquet.ts';
import { inParallel, STORE_REQUESTS_MAX } from './append-stage.ts';
import { advanced, type ColumnFills, fieldsToFill, filledFields } from './column-fills.ts';
import { filledSelect } from './filled-select.ts';
import { LocalStage } from './input-stage.ts';
import { columnGiven } from './rule-errors.ts';

export interface FilledSource {
  readonly files: readonly StagedFile[];
  /** With its identity columns advanced past the values that were given away. */
  readonly table: Snapshot;
}

export interface FillOptions extends ParquetOptions {
  readonly target: FileTarget;
  readonly fills: ColumnFills;
}

/** Stages Parquet files by URI. Errors: `COLUMN_GIVEN`, `IDENTITY_EXHAUSTED` (invalid), those of `stageParquet`. */
export async function stageFilledParquet(
  ctx: TableContext,
  table: Snapshot,
  uris: readonly string[],
  options: FillOptions,
): Promise<FilledSource> {
  const { target, fills } = options;
  const fields = filledFields(fills);
  const files = await fittingFiles(ctx, relaxed(target, fields), uris, options);
  const missing = new Map(files.map((file) => [file, fieldsToFill(fills, file.footer)]));
  const lacks = (file: FittingFile, field: StructField): boolean =>
    missing.get(file)?.includes(field) === true;
  for (const { field, allowsGiven } of fills.identities) {
    if (!allowsGiven && files.some((file) => !lacks(file, field))) throw columnGiven(field.name);
  }
  if (!files.some((file) => fields.some((field) => lacks(file, field)))) {
    return { files: await stageFitting(ctx, target, files, options), table };
  }
  const stage = await LocalStage.open();
  try {
    const inputs = await inParallel(files, STORE_REQUESTS_MAX, async (file) => ({
      relation: await sourceRelation(stage, file),
      sizeBytes: file.sizeBytes,
      rowCount: file.footer.rowCount,
      given: new Map(fields.filter((field) => !lacks(file, field)).map((it) => [it, 'TRUE'])),
    }));
    const used = fills.identities.filter(({ field }) => files.some((file) => lacks(file, field)));
    return await encodeFilled(ctx, table, inputs, { ...options, used, columns: target.schema });
  } finally {
    await stage.close();
  }
}

/** Rows of one local file: they become columns many at a time, so that few are in memory as objects. */
const ROWS_PER_FILE = 262_144;

/** Stages rows; a column that a row does not name is filled, and a null that it names stays. Errors: as above. */
export async function stageFilledRows(
  ctx: TableContext,
  table: Snapshot,
  rows: Iterable<Row> | AsyncIterable<Row>,
  options: FillOptions,
): Promise<FilledSource> {
  const { target, fills, signal } = options;
  const fields = filledFields(fills);
  const flags = new Map(fields.map((field, index) => [field, flagName(target.schema, index)]));
  const columns = withFlags(relaxed(target, fields).schema, [...flags.values()]);
  const given = new Map([...flags].map(([field, flag]) => [field, identifier(flag)]));
  const stage = await LocalStage.open();
  try {
    const inputs: FillInput[] = [];
    const used = new Set<StructField>();
    let waiting: Row[] = [];
    let rowCount = 0;
    const flush = async (): Promise<void> => {
      if (waiting.length === 0) return;
      const first = rowCount - waiting.length;
      const rowIndexes = waiting.map((_, place) => first + place);
      const arrow = await rowsToArrow(columns, waiting, { rowIndexes });
      inputs.push({ ...(await localInput(stage, await writeParquet(arrow))), given });
      waiting = [];
    };
    for await (const row of rows) {
      signal?.throwIfAborted();
      for (const { field, allowsGiven } of fills.identities) {
        if (!isGiven(row, field)) used.add(field);
        else if (!allowsGiven) throw columnGiven(field.name);
      }
      const named = [...flags].map(([field, flag]) => [flag, isGiven(row, field)]);
      waiting.push({ ...row, ...Object.fromEntries(named) });
      rowCount += 1;
      if (waiting.length === ROWS_PER_FILE) await flush();
    }
    await flush();
    const identities = fills.identities.filter(({ field }) => used.has(field));
    return await encodeFilled(ctx, table, inputs, { ...options, used: identities, columns });
  } finally {
    await stage.close();
  }
}

interface FillInput {
  readonly relation: RelationFile;
  readonly sizeBytes: number;
  readonly rowCount: number;
  /** Of columns that are filled, whether a row brings them, in the engine's SQL; those that no row brings are left out. */
  readonly given: ReadonlyMap<StructField, string>;
}

interface Encoding extends FillOptions {
  /** Identity columns of which values are given away. */
  readonly used: ColumnFills['identities'];
  /** What files are read by. */
  readonly columns: StructType;
}

/** Whether the row itself says it: columns may be named like what every object inherits. */
function isGiven(row: Row, { name }: StructField): boolean {
  return Object.hasOwn(row, name) && row[name] !== undefined;
}

async function encodeFilled(
  ctx: TableContext,
  table: Snapshot,
  inputs: readonly FillInput[],
  { target, fills, columns, used, targetFileSizeBytes, signal }: Encoding,
): Promise<FilledSource> {
  const rowCount = totalOf(inputs, (input) => input.rowCount);
  const after = advanced(table, used, rowCount);
  if (rowCount === 0) return { files: [], table: after };
  let before = 0;
  const placed = inputs.map((input) => {
    const rowNumber = unusedName(columns, 'row number');
    const rows = relationSql([input.relation], {
      schema: columns,
      partitionColumns: [],
      mapping: 'none',
      rowNumber,
    });
    const select = filledSelect(target.schema, fills, {
      rows,
      place: `${identifier(rowNumber)} + ${String(before)}`,
      given: input.given,
      flags: columns.fields.slice(target.schema.fields.length).map(({ name }) => name),
    });
    before += input.rowCount;
    return { ...input, select };
  });
  const session = await openOrderedSession(await ctx.engine());
  try {
    const files = await encodeRuns({ ctx, session, target, signal }, placed, {
      targetFileSizeBytes,
      sizeOf: ({ sizeBytes }) => sizeBytes,
      select: async (run) => run.map(({ select }) => select).join(' UNION ALL '),
    });
    return { files, table: after };
  } finally {
    await session.close();
  }
}

/** Nulls of filled columns are looked for once they are filled. */
function relaxed(target: FileTarget, fields: readonly StructField[]): FileTarget {
  const nullable = target.schema.fields.map((field) =>
    fields.includes(field) ? { ...field, nullable: true } : field,
  );
  return { ...target, schema: { ...target.schema, fields: nullable } };
}

function withFlags(schema: StructType, flags: readonly string[]): StructType {
  const added = flags.map((name) => ({ name, type: BOOLEAN, nullable: false, metadata: {} }));
  return { ...schema, fields: [...schema.fields, ...added] };
}

function flagName(schema: StructType, index: number): string {
  return unusedName(schema, `given ${String(index)}`);
}

async function localInput(stage: LocalStage, bytes: Uint8Array): Promise<Omit<FillInput, 'given'>> {
  const localPath = stage.freshFile('.parquet');
  await writeFile(localPath, bytes);
  const { columns, rowCount } = await readLocalFooter(localPath);
  const relation = { localPath, columns, partitionValues: new Map() };
  return { relation, sizeBytes: bytes.length, rowCount };
}
