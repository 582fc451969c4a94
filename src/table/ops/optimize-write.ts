/** The files of a bin → new ones: copied, gathered leaf by leaf, or read and written again by the engine. */

import {
  execute,
  identifier,
  openOrderedSession,
  type Session,
  sortKey,
} from '../../engine/index.ts';
import { findField, type Scalar } from '../../schema/index.ts';
import type { Snapshot, TableContext } from '../types.ts';
import { type FileTarget, type StagedFile, storedFields } from './append-file.ts';
import { type SelectWriter, stageInto } from './append-select.ts';
import { stageAll } from './append-stage.ts';
import { cubeMarks } from './cube-marks.ts';
import { alongCurve } from './optimize-curve.ts';
import type { Layout } from './optimize-layout.ts';
import { packFiles } from './optimize-pack.ts';
import type { FileBin } from './optimize-plan.ts';
import { stageAllFiles } from './scan-files.ts';

/** What the bins of one table share. */
export interface BinWriter {
  readonly ctx: TableContext;
  readonly snapshot: Snapshot;
  readonly session: LazySession;
  readonly target: FileTarget;
  readonly layout: Layout;
  /** Columns by which rows are sorted within a file; none keeps their order. */
  readonly sortBy: readonly string[];
  /** What a file comes to, more or less, where a bin becomes several. */
  readonly targetFileSizeBytes: number;
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
 * Writes the rows of a bin anew, without those that are deleted: to one file in the order of its files, or to several along
 * a curve; to none where there are no rows. Errors: `NULL_NOT_ALLOWED` (data), those of the stores, of Parquet and of the engine.
 */
export async function stageBin(writer: BinWriter, bin: FileBin): Promise<readonly StagedFile[]> {
  writer.signal?.throwIfAborted();
  const isPacked = writer.layout.kind === 'pack' && keepsOrder(writer);
  return (isPacked ? await packFiles(writer, bin) : null) ?? encode(writer, bin);
}

async function encode(writer: BinWriter, bin: FileBin): Promise<readonly StagedFile[]> {
  const { ctx, snapshot, target, layout, signal } = writer;
  const session = await writer.session.get();
  const files = bin.files.map((add) => ({ add, partition: NO_VALUES, statistics: null }));
  const name = `hidden-${ctx.random.uuid()}`;
  const staged = await stageAllFiles(ctx, snapshot, files, {
    schema: target.fileSchema,
    rowIds: target.rowIds ?? null,
    session,
    name,
    inAnyOrder: !keepsOrder(writer),
    isSorted: !keepsOrder(writer),
    ...(signal === undefined ? {} : { signal }),
  });
  try {
    const select: SelectWriter = { ctx, session, target, signal };
    if (layout.kind === 'pack' || layout.kind === 'purge') {
      return await stageInto(select, bin.partitionValues, sorted(writer, staged.sql));
    }
    const rows = alongCurve(staged.sql, {
      keys: layout.columns.map(({ sql }) => sql),
      curve: layout.kind === 'zorder' ? 'zorder' : 'hilbert',
      taken: new Set(storedFields(target).map((field) => field.name.toLowerCase())),
    });
    const written = await stagePieces(writer, bin, { select, rows });
    return layout.kind === 'zorder' ? written : markedAsCube(writer, layout, written);
  } finally {
    await staged.stage.close();
    await session.run(`DROP TABLE IF EXISTS ${identifier(name)}`);
  }
}

/** Whether rows stay in the order of the files and of the rows in them. */
function keepsOrder({ layout, sortBy }: BinWriter): boolean {
  return (layout.kind === 'pack' || layout.kind === 'purge') && sortBy.length === 0;
}

/** A partition column has one value in a file, which the file does not hold. */
const NO_VALUES: ReadonlyMap<string, Scalar | null> = new Map();

function sorted({ target, sortBy }: BinWriter, rows: string): string {
  const order = sortBy
    .flatMap((name) => findField(target.fileSchema, name) ?? [])
    .map(({ name, type }) => `${sortKey(identifier(name), type)} ASC NULLS FIRST`)
    .join(', ');
  return order === '' ? rows : `SELECT * FROM (${rows}) ORDER BY ${order}`;
}

/** Rows in one file, or cut into as many as their size asks for. */
async function stagePieces(
  { ctx, targetFileSizeBytes, signal }: BinWriter,
  { partitionValues, sizeBytes }: FileBin,
  { select, rows }: { readonly select: SelectWriter; readonly rows: string },
): Promise<readonly StagedFile[]> {
  const count = Math.round(sizeBytes / targetFileSizeBytes);
  if (count < 2) return stageInto(select, partitionValues, rows);
  const { session } = select;
  const statement = signal === undefined ? {} : { signal };
  const table = identifier(`along-${ctx.random.uuid()}`);
  await execute(session, `CREATE TABLE ${table} AS ${rows}`, statement);
  try {
    const [counted] = await session.query(`SELECT count(*) AS n FROM ${table}`, statement);
    const rowCount = Number(counted?.['n'] ?? 0);
    const starts = Array.from({ length: count }, (_, index) => cut(rowCount, index, count));
    return await stageAll(ctx, starts.entries(), 1, ([index, start]) => {
      const end = cut(rowCount, index + 1, count);
      const piece = `SELECT * FROM ${table} WHERE rowid >= ${String(start)} AND rowid < ${String(end)}`;
      return stageInto(select, partitionValues, piece);
    });
  } finally {
    await session.run(`DROP TABLE ${table}`);
  }
}

function cut(rowCount: number, index: number, count: number): number {
  return Math.floor((rowCount * index) / count);
}

function markedAsCube(
  { ctx }: BinWriter,
  { columns }: Extract<Layout, { readonly kind: 'cluster' }>,
  files: readonly StagedFile[],
): readonly StagedFile[] {
  const marks = cubeMarks({ id: ctx.random.uuid(), columns: columns.map(({ name }) => name) });
  return files.map((file) => ({ ...file, add: { ...file.add, ...marks } }));
}
