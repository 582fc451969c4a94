/** Deletion vectors of data files, from the log and from the files that hold them. */

import { isDeltaError } from '../base/index.ts';
import {
  type DeletionVectorDescriptor,
  decodeVector,
  type RowBits,
  unframeVector,
  vectorPlace,
} from '../log/index.ts';
import { fileMissing } from './errors.ts';
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
