/** Parquet files → a table's files: bytes copied where they may enter as they are, rows encoded again where not. */

import { present } from '../../base/index.ts';
import {
  openOrderedSession,
  type RelationFile,
  type RelationOptions,
  relationSql,
} from '../../engine/index.ts';
import { type PartitionValues, rowIdColumnNames } from '../../log/index.ts';
import {
  footerStatistics,
  judgeVerbatim,
  type ParquetFooter,
  unknownColumn,
  type VerbatimVerdict,
} from '../../parquet/index.ts';
import {
  compareScalars,
  type DataType,
  findField,
  printPartitionValue,
} from '../../schema/index.ts';
import type { TableContext } from '../types.ts';
import { copyDataFile, discardFiles, type FileTarget, type StagedFile } from './append-file.ts';
import { type SelectWriter, stageSelect } from './append-select.ts';
import {
  ENGINE_STATEMENTS_MAX,
  inParallel,
  runsBySize,
  stageAll,
  STORE_REQUESTS_MAX,
} from './append-stage.ts';
import { sourceMissing, sourceUnfit } from './errors.ts';
import { LocalStage, type StoredFile, storedFooter } from './input-stage.ts';

/** A Parquet file that fits a table, and what may be done with its bytes. */
export interface FittingFile extends StoredFile {
  readonly etag: string;
  readonly footer: ParquetFooter;
  /** The partition that all its rows are in, where its bytes may be copied; else null. */
  readonly copyInto: PartitionValues | null;
}

export interface ParquetOptions {
  /** Bytes of input that go into one file where rows are encoded again. */
  readonly targetFileSizeBytes: number;
  readonly signal?: AbortSignal | undefined;
}

/** Stages files by URI. Errors: those of `fittingFiles`. */
export async function stageParquet(
  ctx: TableContext,
  target: FileTarget,
  uris: readonly string[],
  options: ParquetOptions,
): Promise<readonly StagedFile[]> {
  return stageFitting(ctx, target, await fittingFiles(ctx, target, uris, options), options);
}

/** Files by URI that fit the table. Errors: `APPEND_SOURCE_MISSING`, `APPEND_SOURCE_UNFIT` (invalid), those of `readFooter`. */
export async function fittingFiles(
  ctx: TableContext,
  target: FileTarget,
  uris: readonly string[],
  options: Pick<ParquetOptions, 'signal'>,
): Promise<readonly FittingFile[]> {
  return inParallel(uris, STORE_REQUESTS_MAX, async (uri) => {
    options.signal?.throwIfAborted();
    const stored = await storedAt(ctx, uri);
    const { footer } = stored;
    const verdict = judge(target, footer);
    if (verdict.kind === 'reject') throw sourceUnfit(uri, verdict.code, verdict.reason);
    const extra = unknownColumn(footer.columns, target.schema);
    if (extra !== null) {
      throw sourceUnfit(uri, 'INPUT_UNKNOWN_COLUMN', `the table has no column ${extra}`);
    }
    return { ...stored, copyInto: copyPartition(target, footer, verdict) };
  });
}

/** The footer of a file by its URI. Errors: `APPEND_SOURCE_MISSING` (invalid), those of `readFooter`. */
export async function footerAt(ctx: TableContext, uri: string): Promise<ParquetFooter> {
  return (await storedAt(ctx, uri)).footer;
}

async function storedAt(ctx: TableContext, uri: string): Promise<Omit<FittingFile, 'copyInto'>> {
  const { store, path } = await ctx.resolve(uri);
  const meta = await store.head(path);
  if (meta === null) throw sourceMissing(uri);
  const stored = { store, path, sizeBytes: meta.sizeBytes };
  return { ...stored, etag: meta.etag, footer: await storedFooter(stored) };
}

/** Whether the rows of a file from outside fit the table, and whether its bytes do. */
export function judge(target: FileTarget, footer: ParquetFooter): VerbatimVerdict {
  const manifest = target.configuration['delta.compatibility.symlinkFormatManifest.enabled'];
  return judgeVerbatim(footer, target.schema, {
    partitionColumns: target.partitionColumns,
    columnsInOrder: manifest?.toLowerCase() === 'true',
  });
}

/** Stages files that fit: what is copied first, then what is encoded again, each in the order given. */
export async function stageFitting(
  ctx: TableContext,
  target: FileTarget,
  files: readonly FittingFile[],
  options: ParquetOptions,
): Promise<readonly StagedFile[]> {
  const copied = await stageAll(ctx, files, STORE_REQUESTS_MAX, async (file) => {
    options.signal?.throwIfAborted();
    if (file.copyInto === null) return [];
    const copy = await copyDataFile(ctx, target, file.copyInto, file);
    return copy === null ? [] : [copy];
  });
  const others = files.filter(({ copyInto }) => copyInto === null);
  if (others.length === 0) return copied;
  try {
    return [...copied, ...(await encodeAgain(ctx, target, others, options))];
  } catch (error) {
    await discardFiles(ctx, copied);
    throw error;
  }
}

async function encodeAgain(
  ctx: TableContext,
  target: FileTarget,
  files: readonly FittingFile[],
  { targetFileSizeBytes, signal }: ParquetOptions,
): Promise<readonly StagedFile[]> {
  const session = await openOrderedSession(await ctx.engine());
  const stage = await LocalStage.open();
  try {
    return await encodeRuns({ ctx, session, target, signal }, files, {
      targetFileSizeBytes,
      sizeOf: ({ sizeBytes }) => sizeBytes,
      select: async (run) => {
        const inputs = await inParallel(run, STORE_REQUESTS_MAX, (file) =>
          sourceRelation(stage, file),
        );
        return relationSql(inputs, sourceOptions(target));
      },
    });
  } finally {
    await session.close();
    await stage.close();
  }
}

export interface EncodeOptions<T> {
  readonly targetFileSizeBytes: number;
  readonly sizeOf: (file: T) => number;
  /** A SELECT of the columns of the table: the rows of these neighbouring files, in order. */
  readonly select: (run: readonly T[]) => Promise<string>;
}

/** Encodes the rows of files again, runs of neighbours side by side, so that no output spans more than its inputs. */
export async function encodeRuns<T>(
  writer: SelectWriter,
  files: readonly T[],
  { targetFileSizeBytes, sizeOf, select }: EncodeOptions<T>,
): Promise<readonly StagedFile[]> {
  // A run makes a file for each partition that it has rows of: fewer runs, fewer small files.
  const countMin = writer.target.partitionColumns.length === 0 ? ENGINE_STATEMENTS_MAX : 1;
  const runs = runsBySize(files, { sizeOf, sizeMax: targetFileSizeBytes, countMin });
  return stageAll(writer.ctx, runs, ENGINE_STATEMENTS_MAX, async (run) => {
    writer.signal?.throwIfAborted();
    return stageSelect(writer, await select(run));
  });
}

/** A file from outside as the engine reads it: all its values are its own, those of partition columns too. */
export async function sourceRelation(
  stage: LocalStage,
  file: StoredFile & { readonly footer: ParquetFooter },
  columns: readonly string[] | null = null,
): Promise<RelationFile> {
  return {
    localPath: await stage.localFile(file, file.footer, columns),
    columns: file.footer.columns,
    partitionValues: new Map(),
  };
}

/** The columns of a table, read from files from outside. */
export function sourceOptions({ schema }: Pick<FileTarget, 'schema'>): RelationOptions {
  return { schema, partitionColumns: [], mapping: 'none' };
}

/**
 * The partition that all rows of a file are in, where its bytes may be copied: proved by its footer, column by column,
 * by equal bounds without nulls, or by nulls alone. Null where it must be encoded again, as where the table's files have
 * names and ids of columns that no other file has.
 */
export function copyPartition(
  target: FileTarget,
  footer: ParquetFooter,
  verdict: VerbatimVerdict,
): PartitionValues | null {
  if (verdict.kind !== 'verbatim' || target.isMapped || holdsRowIds(target, footer)) return null;
  const { columns } = footerStatistics(footer, target.schema);
  const values = new Map<string, string | null>();
  for (const column of target.partitionColumns) {
    const { type } = present(findField(target.schema, column), `the partition column ${column}`);
    const { min, max, nullCount } = present(columns.get(column), 'statistics of a column');
    if (nullCount === footer.rowCount) values.set(column, null);
    else if (nullCount !== 0 || min === null || max === null) return null;
    else if (compareScalars(min, max) !== 0 || isFloating(type)) return null;
    else values.set(column, printPartitionValue(min, type));
  }
  return Object.fromEntries(values);
}

/** Whether a column of a file from outside would be taken for the ids that its rows had in the table before. */
function holdsRowIds(target: FileTarget, { columns }: ParquetFooter): boolean {
  const names = Object.values(rowIdColumnNames(target) ?? {}).map((name) => name.toLowerCase());
  return columns.some(({ name }) => names.includes(name.toLowerCase()));
}

/** Equal bounds do not tell a NaN, nor which zero. */
function isFloating(type: DataType): boolean {
  return type.kind === 'primitive' && (type.name === 'float' || type.name === 'double');
}
