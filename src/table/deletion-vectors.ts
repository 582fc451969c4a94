/** Deletion vectors of data files, from and to the log and the files that hold them. */

import { assert, isDeltaError } from '../base/index.ts';
import {
  type AddFile,
  countRows,
  type DeletionVectorDescriptor,
  decodeVector,
  encodeVector,
  inlineVector,
  type Metadata,
  type RowBits,
  unframeVector,
  vectorFile,
  vectorPlace,
} from '../log/index.ts';
import { withWideBounds } from '../schema/index.ts';
import { fileMissing } from './errors.ts';
import { filePrefixLength } from './properties.ts';
import { fileAt } from './stored-file.ts';
import type { TableContext } from './types.ts';

/**
 * The rows that are deleted of a data file with `rowCount` rows; null where the file has no vector, or an empty one.
 * Errors: `DELETION_VECTOR_CORRUPT`, `TABLE_FILE_MISSING` (data), those of the store.
 */
export async function deletedRows(
  ctx: TableContext,
  vector: DeletionVectorDescriptor | undefined,
  rowCount: number,
): Promise<RowBits | null> {
  if (vector === undefined) return null;
  const blob = await readBlob(ctx, vector);
  const rows = decodeVector(blob, vector, rowCount);
  return vector.cardinality === 0 ? null : rows;
}

/** Rows that one vector of a file hides and another does not; undefined is a vector that hides none. */
export interface VectorChange {
  readonly hiddenBy: DeletionVectorDescriptor | undefined;
  readonly notBy: DeletionVectorDescriptor | undefined;
}

/** All rows of a data file but those of the change, as rows to leave out. Errors: as for `deletedRows`. */
export async function rowsBeside(
  ctx: TableContext,
  { hiddenBy, notBy }: VectorChange,
  rowCount: number,
): Promise<RowBits> {
  const after = await deletedRows(ctx, hiddenBy, rowCount);
  const before = await deletedRows(ctx, notBy, rowCount);
  const rest = new Uint8Array(Math.ceil(rowCount / 8));
  return rest.map((_, place) => ~((after?.[place] ?? 0) & ~(before?.[place] ?? 0)));
}

/** Rows of a live file that are to go. */
export interface RowsToHide {
  readonly add: AddFile;
  /** Of the file as it stands in its storage. */
  readonly rowCount: number;
  /** Rows that the file's vector hides already may be among them. */
  readonly rows: RowBits;
}

export interface WrittenVectors {
  /** The files, in the order given, each with a vector that hides the rows beside those that its old one hid. */
  readonly adds: readonly AddFile[];
  /** Keys of the files of vectors: to be deleted where the commit does not come about. */
  readonly keys: readonly string[];
}

/** A vector of so many bytes or less stands in the log itself: to read it costs no request. */
const INLINE_BYTES_MAX = 256;
/** A file takes vectors until it has so many bytes. */
const VECTOR_FILE_BYTES = 2 * 1024 * 1024;

/**
 * Makes the vectors that hide these rows, and writes those that are not small to files in the table's folder, several
 * to one file. What was there is replaced: a commit removes each file as it was and adds it with its new vector.
 * Errors: as for `deletedRows`, those of the store. PROTOCOL.md, "Deletion Vectors".
 */
export async function writeVectors(
  ctx: TableContext,
  metadata: Metadata,
  files: readonly RowsToHide[],
): Promise<WrittenVectors> {
  const descriptors: (DeletionVectorDescriptor | null)[] = [];
  const keys: string[] = [];
  let waiting: {
    readonly place: number;
    readonly blob: Uint8Array;
    readonly cardinality: number;
  }[] = [];
  let waitingBytes = 0;
  const flush = async (): Promise<void> => {
    if (waiting.length === 0) return;
    const uuid = ctx.random.uuid();
    const prefix = ctx.random.uuid().slice(0, filePrefixLength(metadata));
    const file = vectorFile(waiting, { uuid, prefix });
    // A fresh name that is taken is taken by this very request, which was sent twice on its way.
    await ctx.store.put(file.key, file.bytes, { kind: 'create' });
    keys.push(file.key);
    for (const [index, { place }] of waiting.entries()) {
      descriptors[place] = file.descriptors[index] ?? null;
    }
    waiting = [];
    waitingBytes = 0;
  };
  for (const [place, file] of files.entries()) {
    const rows = await hiddenAfter(ctx, file);
    const cardinality = countRows(rows);
    const blob = encodeVector(rows);
    if (blob.length <= INLINE_BYTES_MAX) {
      descriptors[place] = inlineVector(blob, cardinality);
      continue;
    }
    waiting.push({ place, blob, cardinality });
    waitingBytes += blob.length;
    if (waitingBytes >= VECTOR_FILE_BYTES) await flush();
  }
  await flush();
  const adds = files.map(({ add, rowCount }, place): AddFile => {
    const deletionVector = descriptors[place] ?? null;
    assert(deletionVector !== null, 'each file has got a vector');
    return {
      ...add,
      dataChange: true,
      stats: withWideBounds(add.stats, rowCount),
      deletionVector,
    };
  });
  return { adds, keys };
}

async function hiddenAfter(
  ctx: TableContext,
  { add, rowCount, rows }: RowsToHide,
): Promise<RowBits> {
  const before = await deletedRows(ctx, add.deletionVector, rowCount);
  return before === null ? rows : rows.map((byte, place) => byte | (before[place] ?? 0));
}

async function readBlob(ctx: TableContext, vector: DeletionVectorDescriptor): Promise<Uint8Array> {
  const place = vectorPlace(vector);
  if (place.kind === 'inline') return place.blob;
  const { path, start, end } = place;
  const { store, path: key } =
    path.kind === 'key' ? { store: ctx.store, path: path.key } : await fileAt(ctx, path.path);
  try {
    return unframeVector(await store.getRange(key, { start, end }), vector);
  } catch (error) {
    if (isDeltaError(error, 'STORE_NOT_FOUND')) throw fileMissing(key, error);
    throw error;
  }
}
