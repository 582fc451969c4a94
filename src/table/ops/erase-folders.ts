/** Folders of partitions whose names are values that are erased: on the local disk they outlive their files. */

import type { Dirent } from 'node:fs';
import { readdir, rmdir } from 'node:fs/promises';
import { dirname } from 'node:path';

import { LOG_FOLDER } from '../../log/index.ts';
import { evaluatePredicate, type Expression, hivePartition } from '../../schema/index.ts';
import type { ObjectStore } from '../../store/index.ts';
import { manifestFolder } from '../manifest-layout.ts';
import type { Snapshot, TableContext } from '../types.ts';
import type { EraseLeft } from './erase-report.ts';

/** Whether the folders of an object name a partition all of whose rows are to be erased. */
export function namesErased({ schema }: Snapshot, where: Expression, key: string): boolean {
  const named = hivePartition(key);
  const partitionValues = Object.fromEntries(named);
  return named.size > 0 && evaluatePredicate(where, { schema, partitionValues }) === 'true';
}

/** Removes such folders where they are empty, and tells of the others. Stores of objects have no folders. */
export async function removeFolders(
  { store }: TableContext,
  snapshot: Snapshot,
  where: Expression,
): Promise<readonly EraseLeft[]> {
  const left: EraseLeft[] = [];
  if (snapshot.partitionColumns.length === 0) return left;
  const visit = async (key: string): Promise<void> => {
    const local = placeOf(store, key);
    const entries = local === null ? [] : await entriesOf(local);
    if (key !== '' && entries.some(({ name }) => name === LOG_FOLDER)) return;
    for (const entry of entries) {
      const path = key === '' ? entry.name : `${key}/${entry.name}`;
      if (entry.isDirectory() && !APART.has(path)) await visit(path);
    }
    if (local === null || key === '' || !namesErased(snapshot, where, `${key}/x`)) return;
    try {
      await rmdir(local);
    } catch {
      // As long as there is anything in it.
      left.push({ path: key, why: 'its name is such a value, and it is not empty', untilMs: null });
    }
  };
  await visit('');
  return left;
}

/** Where what lies is looked through by others. */
const APART: ReadonlySet<string> = new Set([LOG_FOLDER, manifestFolder(0)]);

function placeOf(store: ObjectStore, key: string): string | null {
  if (key !== '') return store.localFile(key);
  const inside = store.localFile('x');
  return inside === null ? null : dirname(inside);
}

async function entriesOf(folder: string): Promise<readonly Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch {
    // It was removed meanwhile.
    return [];
  }
}
