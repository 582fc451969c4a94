/** A bin of small files → one file: row groups copied byte for byte where they are large already, else encoded again. */

import { identifier, openOrderedSession, relationSql, type Session } from '../../engine/index.ts';
import type { AddFile } from '../../log/index.ts';
import {
  canSplice,
  type ParquetFooter,
  type ParquetNode,
  spliceFiles,
  storeSource,
} from '../../parquet/index.ts';
import { findField } from '../../schema/index.ts';
import type { TableContext } from '../types.ts';
import { totalOf } from './append-commit.ts';
import { type FileTarget, type StagedFile, writeDataFile } from './append-file.ts';
import { judge } from './append-parquet.ts';
import { stageInto } from './append-select.ts';
import { inParallel, STORE_REQUESTS_MAX } from './append-stage.ts';
import { columnsIn } from './input.ts';
import { LocalStage, type StoredFile, storedFooter } from './input-stage.ts';
import { tableFile } from './input-table.ts';
import type { FileBin } from './optimize-plan.ts';

/** Smaller row groups cost every reader more than encoding them again costs once. */
const SPLICE_ROW_GROUP_ROWS_MIN = 100_000;

/** What the bins of one table share. */
export interface BinWriter {
  readonly ctx: TableContext;
  readonly session: LazySession;
  readonly target: FileTarget;
  /** Columns by which rows are sorted within a file; none keeps their order. */
  readonly sortBy: readonly string[];
  readonly signal: AbortSignal | undefined;
}

/** A session of the engine that is opened when a bin first needs one. */
export class LazySession {
  readonly #ctx: TableContext;
  #session: Promise<Session> | null = null;

  constructor(ctx: TableContext) {
    this.#ctx = ctx;
  }

  get(): Promise<Session> {
    this.#session ??= this.#ctx.engine().then((engine) => openOrderedSession(engine));
    return this.#session;
  }

  async close(): Promise<void> {
    // Whoever asked for a session that could not be opened has been told.
    const session = await this.#session?.catch(() => null);
    await session?.close();
  }
}

/**
 * Writes the rows of a bin to one file, in the order of its files; none where they have no rows.
 * Errors: `NULL_NOT_ALLOWED` (data), those of the stores, of Parquet and of the engine.
 */
export async function stageBin(writer: BinWriter, bin: FileBin): Promise<readonly StagedFile[]> {
  const layouts = new Map<string, readonly ParquetNode[]>();
  const inputs = await inParallel(bin.files, STORE_REQUESTS_MAX, async (add) => {
    writer.signal?.throwIfAborted();
    return openInput(writer, layouts, add);
  });
  const whole = inputs.flatMap(({ file, footer }) => (footer === null ? [] : [{ file, footer }]));
  if (whole.length === inputs.length && isSplice(whole.map(({ footer }) => footer))) {
    return splice(writer, bin, whole);
  }
  return encode(writer, bin, inputs);
}

interface BinInput {
  readonly file: StoredFile;
  /** Shared between files of one layout: a bin may have very many of them. */
  readonly columns: readonly ParquetNode[];
  /** Null where its row groups cannot be copied. */
  readonly footer: ParquetFooter | null;
}

async function openInput(
  { ctx, target, sortBy }: BinWriter,
  layouts: Map<string, readonly ParquetNode[]>,
  add: AddFile,
): Promise<BinInput> {
  const file = await tableFile(ctx, add);
  const footer = await storedFooter(file);
  const layout = JSON.stringify(footer.columns);
  const columns = layouts.get(layout) ?? footer.columns;
  layouts.set(layout, columns);
  const copies =
    sortBy.length === 0 &&
    footer.rowCount >= SPLICE_ROW_GROUP_ROWS_MIN &&
    judge(target, footer).kind === 'verbatim';
  return { file, columns, footer: copies ? footer : null };
}

function isSplice(footers: readonly ParquetFooter[]): boolean {
  const rowGroupCount = totalOf(footers, ({ rowGroups }) => rowGroups.length);
  const rowCount = totalOf(footers, (footer) => footer.rowCount);
  return rowCount >= rowGroupCount * SPLICE_ROW_GROUP_ROWS_MIN && canSplice(footers);
}

async function splice(
  { ctx, target, signal }: BinWriter,
  { partitionValues }: FileBin,
  inputs: readonly { readonly file: StoredFile; readonly footer: ParquetFooter }[],
): Promise<readonly StagedFile[]> {
  const sources = inputs.map(({ file: { store, path, sizeBytes }, footer }) => ({
    source: storeSource(store, path, { sizeBytes }),
    footer,
  }));
  signal?.throwIfAborted();
  const file = await writeDataFile(ctx, target, partitionValues, (localFile) =>
    spliceFiles(sources, localFile),
  );
  return file === null ? [] : [file];
}

async function encode(
  { ctx, session, target, sortBy, signal }: BinWriter,
  { partitionValues }: FileBin,
  inputs: readonly BinInput[],
): Promise<readonly StagedFile[]> {
  const stage = await LocalStage.open();
  try {
    const names = target.fileSchema.fields.map(({ name }) => name);
    const files = await inParallel(inputs, STORE_REQUESTS_MAX, async ({ file, columns }) => ({
      localPath: await localFile(stage, file, names),
      columns,
      partitionValues: new Map(),
    }));
    const rows = relationSql(files, {
      schema: target.fileSchema,
      partitionColumns: [],
      mapping: 'none',
    });
    // A partition column has one value in a file, which the file does not hold.
    const order = sortBy
      .flatMap((name) => findField(target.fileSchema, name) ?? [])
      .map(({ name }) => `${identifier(name)} ASC NULLS FIRST`)
      .join(', ');
    const select = order === '' ? rows : `SELECT * FROM (${rows}) ORDER BY ${order}`;
    const writer = { ctx, session: await session.get(), target, signal };
    return await stageInto(writer, partitionValues, select);
  } finally {
    await stage.close();
  }
}

/** The footer is asked for again only where the file must be brought here. */
async function localFile(
  stage: LocalStage,
  file: StoredFile,
  names: readonly string[],
): Promise<string> {
  const local = file.store.localFile(file.path);
  if (local !== null) return local;
  const footer = await storedFooter(file);
  return stage.localFile(file, footer, columnsIn(footer, names));
}
