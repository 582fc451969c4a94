/** Files put together without the engine: their row groups copied where they are large, their leaves where they are small. */

import { isDeltaError } from '../../base/index.ts';
import { type AddFile, rowCountOf } from '../../log/index.ts';
import {
  type ByteSource,
  canSplice,
  FilePacker,
  memorySource,
  type ParquetFooter,
  readFooter,
  type SpliceInput,
  spliceFiles,
  storeSource,
} from '../../parquet/index.ts';
import { fileAt } from '../stored-file.ts';
import type { TableContext } from '../types.ts';
import { totalOf } from './append-commit.ts';
import { type FileTarget, type StagedFile, writeDataFile } from './append-file.ts';
import { judge } from './append-parquet.ts';
import { inParallel, STORE_REQUESTS_MAX } from './append-stage.ts';
import type { FileBin } from './optimize-plan.ts';

/** Smaller row groups cost every reader more than encoding them again costs once. */
const LARGE_ROWS_MIN = 100_000;
/**
 * To gather a row costs about three times what the engine takes for it, which in turn must be loaded, and would encode all rows:
 * gathering pays for few rows, beside enough rows that are copied, and for few bytes beside those that are joined as they are.
 */
const GATHERED_ROWS_MAX = 50_000;
const GATHERED_SHARE_MAX = 1 / 3;
/** A smaller file is read in one piece. */
const WHOLE_BYTES_MAX = 1024 * 1024;

export interface FilesPacker {
  readonly ctx: TableContext;
  readonly target: FileTarget;
  readonly signal: AbortSignal | undefined;
}

/**
 * One file with the rows of a bin, in order; null, and nothing written, where its files are not alike, or of a kind that is not
 * read here. Errors: `NULL_NOT_ALLOWED` (data), those of the stores and of Parquet.
 */
export async function packFiles(
  packer: FilesPacker,
  bin: FileBin,
): Promise<readonly StagedFile[] | null> {
  const { ctx, target } = packer;
  // Where columns are mapped, the names in files are not those by which a footer is judged.
  if (target.isMapped || bin.files.some((add) => add.deletionVector !== undefined)) return null;
  // Ids of rows that stand in no file yet come from the log.
  if ((target.rowIds ?? null) !== null) return null;
  const { partitionValues } = bin;
  try {
    const whole = bin.files.every(isLarge) ? await splicedInputs(packer, bin) : null;
    const file = await writeDataFile(ctx, target, partitionValues, (localFile) =>
      whole === null ? gather(packer, bin, localFile) : spliceFiles(whole, localFile),
    );
    return file === null ? [] : [file];
  } catch (error) {
    if (error instanceof Unpackable) return null;
    throw error;
  }
}

/** The files of a bin, if all of them may be copied whole. */
async function splicedInputs(
  packer: FilesPacker,
  { files }: FileBin,
): Promise<readonly SpliceInput[] | null> {
  const inputs = await inParallel(files, STORE_REQUESTS_MAX, (add) => openInput(packer, add));
  const footers = inputs.map(({ footer }) => footer);
  const rowGroupCount = totalOf(footers, ({ rowGroups }) => rowGroups.length);
  const rowCount = totalOf(footers, (footer) => footer.rowCount);
  const isSplice = rowCount >= rowGroupCount * LARGE_ROWS_MIN && canSplice(footers);
  return isSplice && footers.every((footer) => isVerbatim(packer, footer)) ? inputs : null;
}

async function gather(
  packer: FilesPacker,
  { files }: FileBin,
  localFile: string,
): Promise<{ readonly nanColumns: ReadonlySet<string> }> {
  const model = files.find(isLarge) ?? files[0];
  if (model === undefined) throw new Unpackable();
  const { columns } = (await openInput(packer, model)).footer;
  const shareMax = paysToGather(files) ? 1 : GATHERED_SHARE_MAX;
  const rooms = new FileRooms();
  const out = await FilePacker.open(localFile, { columns, codec: packer.target.codec });
  try {
    for (let start = 0; start < files.length; start += STORE_REQUESTS_MAX) {
      packer.signal?.throwIfAborted();
      const some = files.slice(start, start + STORE_REQUESTS_MAX);
      const inputs = await inParallel(some.entries(), STORE_REQUESTS_MAX, ([index, add]) =>
        openInput(packer, add, rooms.at(index, add.size)),
      );
      for (const input of inputs) {
        const isTaken = isVerbatim(packer, input.footer) && (await out.add(input));
        if (!isTaken || out.gatheredShare > shareMax) throw new Unpackable();
      }
    }
    return await out.finish();
  } finally {
    await out.close();
  }
}

async function openInput(
  { ctx }: FilesPacker,
  add: AddFile,
  room?: Uint8Array,
): Promise<SpliceInput> {
  const { store, path } = await fileAt(ctx, add.path);
  try {
    const source: ByteSource =
      add.size > WHOLE_BYTES_MAX
        ? storeSource(store, path, { sizeBytes: add.size })
        : memorySource(path, await store.getRange(path, { start: 0, end: add.size, room }));
    return { source, footer: await readFooter(source) };
  } catch (error) {
    // A file may be gone, or of another size than the log says; whoever reads any file finds that, or tells what is wrong with it.
    if (isDeltaError(error) && error.kind === 'data') throw new Unpackable();
    throw error;
  }
}

function isVerbatim({ target }: FilesPacker, footer: ParquetFooter): boolean {
  return judge(target, footer).kind === 'verbatim';
}

function paysToGather(files: readonly AddFile[]): boolean {
  const rowCount = (some: readonly AddFile[]): number =>
    totalOf(some, (add) => rowCountOf(add) ?? LARGE_ROWS_MIN);
  const gathered = rowCount(files.filter((add) => !isLarge(add)));
  return gathered <= Math.max(GATHERED_ROWS_MAX, rowCount(files) * GATHERED_SHARE_MAX);
}

function isLarge(add: AddFile): boolean {
  return (rowCountOf(add) ?? LARGE_ROWS_MIN) >= LARGE_ROWS_MIN;
}

/** Memory for the files that are open at once, and then for others. */
class FileRooms {
  readonly #rooms: Uint8Array[] = [];

  at(index: number, sizeBytes: number): Uint8Array | undefined {
    const room = this.#rooms[index];
    if (sizeBytes > WHOLE_BYTES_MAX || (room?.length ?? 0) >= sizeBytes) return room;
    return (this.#rooms[index] = new Uint8Array(Math.ceil(sizeBytes * 1.25)));
  }
}

/** What is not put together here; never leaves this file. */
class Unpackable extends Error {}
