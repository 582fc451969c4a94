/**
 * What a checkpoint says, as the state of its version. A local one that this process has read or written is known from then on, for
 * as long as somebody has its files: whoever opens a table again and again pays for what came since.
 */

import { type CheckpointAction, type FileSet, type LogState, Replay } from '../log/index.ts';
import type { ObjectStore } from '../store/index.ts';
import { CheckpointColumns } from './checkpoint-columns.ts';
import { type CheckpointToRead, readCheckpointParts } from './checkpoint-read.ts';
import { type FileSegment, readSegment } from './file-segment.ts';
import { readingCheckpoint } from './load.ts';
import { PartitionTable } from './partition-table.ts';

/** Errors: `CHECKPOINT_CORRUPT`, those of the store. */
export async function checkpointState(
  store: ObjectStore,
  checkpoint: CheckpointToRead,
): Promise<LogState> {
  const content = await contentOf(store, checkpoint);
  const known = content === null ? null : knownState(content);
  if (known !== null) return known;
  const state = await readingCheckpoint(checkpoint, () => readState(store, checkpoint));
  if (content !== null) remember(content, state);
  return state;
}

/** A checkpoint of one file that was just written. */
export interface WrittenCheckpoint {
  readonly path: string;
  readonly etag: string;
  /** What it holds beside live files. */
  readonly actions: readonly CheckpointAction[];
  /** The segments that were copied into it, by the numbers of its row groups. */
  readonly copied: ReadonlyMap<number, FileSegment>;
}

/** Files that were encoded anew, from which on it is worth reading them back: the next checkpoint would encode them again. */
const FRESH_MIN = 256;

/**
 * The files of the state as the checkpoint of it has them, so that the next one copies them, and the state is known to whoever
 * opens the table; null where that is not worth it, or the file is not to be had as it was written.
 */
export async function adoptCheckpoint(
  store: ObjectStore,
  state: LogState,
  written: WrittenCheckpoint,
): Promise<FileSet | null> {
  const { path, copied, actions } = written;
  const copiedCount = [...copied.values()].reduce((sum, { rowCount }) => sum + rowCount, 0);
  const file = store.localFile(path);
  if (file === null || state.files.size - copiedCount < FRESH_MIN) return null;
  const parquet = await import('../parquet/index.ts');
  const held = parquet.HeldFile.open(path, file);
  // Others may write the same checkpoint, laid out in another way: what is held was opened while the name was ours.
  if (held === null || (await store.head(path))?.etag !== written.etag) return null;
  const footer = await parquet.readFooter(held);
  const { columns: before } = state.files;
  const table = before instanceof CheckpointColumns ? before.table : new PartitionTable();
  const segments: FileSegment[] = [];
  for (const rowGroup of footer.rowGroups.keys()) {
    const from = { parquet, source: held, held, footer, rowGroup };
    const segment = copied.get(rowGroup) ?? (await readSegment(from, table));
    // One without any file, or one that is not to be had in columns: then some are missing below.
    if (segment !== null && segment.isFile?.includes(1) !== false) segments.push(segment);
  }
  const { version } = state;
  const columns = new CheckpointColumns({
    parquet,
    table,
    segments,
    mayRepeat: false,
    checkpoint: { version, path },
  });
  if (columns.size !== state.files.size) return null;
  const replay = new Replay(null);
  replay.apply(actions);
  replay.columns(columns);
  const own = replay.finish(version);
  remember({ file, etag: written.etag }, own);
  return own.files;
}

async function readState(store: ObjectStore, checkpoint: CheckpointToRead): Promise<LogState> {
  const { version, files } = checkpoint.files;
  const replay = new Replay(null);
  const table = new PartitionTable();
  const segments: FileSegment[] = [];
  for await (const part of readCheckpointParts(store, checkpoint, table)) {
    if (part.kind === 'actions') replay.apply(part.actions);
    else segments.push(part.segment);
  }
  if (segments.length > 0) {
    const parquet = await import('../parquet/index.ts');
    const place = { version, path: files[0]?.path ?? '' };
    replay.columns(
      new CheckpointColumns({ parquet, table, segments, mayRepeat: true, checkpoint: place }),
    );
  }
  return replay.finish(version);
}

/** The content of a checkpoint's own files, by the first of them on the disk. */
interface Content {
  readonly file: string;
  readonly etag: string;
}

/** The checkpoints that are known, by their first files. */
const contents = new Map<
  string,
  { readonly etag: string; readonly columns: WeakRef<CheckpointColumns> }
>();
const CONTENTS_MAX = 1_000;
const states = new WeakMap<CheckpointColumns, LogState>();

/** Null where it is not on the disk, or to be taken from what a hint repeats of it, which may be wrong. */
async function contentOf(
  store: ObjectStore,
  { files: { files }, copy }: CheckpointToRead,
): Promise<Content | null> {
  const file = store.localFile(files[0]?.path ?? '');
  if (file === null || copy !== null) return null;
  const found = await Promise.all(files.map(({ path }) => store.head(path)));
  return found.includes(null) ? null : { file, etag: found.map((it) => it?.etag).join() };
}

function knownState({ file, etag }: Content): LogState | null {
  const known = contents.get(file);
  const columns = known?.etag === etag ? known.columns.deref() : undefined;
  // What is broken is read again, so that whoever reads it looks for something sound.
  return columns === undefined || columns.fault !== null ? null : (states.get(columns) ?? null);
}

function remember({ file, etag }: Content, state: LogState): void {
  const { columns } = state.files;
  if (!(columns instanceof CheckpointColumns)) return;
  if (contents.size >= CONTENTS_MAX) contents.clear();
  contents.set(file, { etag, columns: new WeakRef(columns) });
  states.set(columns, state);
}
