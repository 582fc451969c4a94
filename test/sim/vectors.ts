/** Deletion vectors as the log has them: no more than a name, under which the model knows which rows are hidden. */

import { type AddFile, pathKey, type RemoveFile, vectorId } from '../../src/log/index.ts';
import type { SimRow } from './model.ts';
import type { World } from './world.ts';

/** The live rows of a file, as it stands in a snapshot. */
export function liveRows(world: World, { path, deletionVector }: AddFile): readonly SimRow[] {
  return world.model.rows(pathKey(path), vectorId(deletionVector));
}

/** The file leaves as it is, and comes back with some more rows hidden. */
export function hide(
  world: World,
  file: AddFile,
  ids: ReadonlySet<string>,
): { readonly remove: RemoveFile; readonly add: AddFile } {
  const live = new Set(liveRows(world, file).filter(({ id }) => !ids.has(id)));
  const hidden = world.model.rows(pathKey(file.path), '').filter((row) => !live.has(row));
  // Five digits are the Z85 of four bytes.
  const pathOrInlineDv = String(world.number()).padStart(5, '0');
  const cardinality = hidden.length;
  const deletionVector = { storageType: 'i', pathOrInlineDv, sizeInBytes: 4, cardinality };
  world.model.hides(vectorId(deletionVector), new Set(hidden.map(({ id }) => id)));
  const { tags: _tags, modificationTime: _time, ...members } = file;
  const deletionTimestamp = world.scheduler.nowMs;
  return {
    remove: { ...members, deletionTimestamp, extendedFileMetadata: true, dataChange: true },
    add: { ...file, dataChange: true, deletionVector },
  };
}
