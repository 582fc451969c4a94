/**
 * What commits say of files that nobody has looked up in the columns below them: as much of a replay as can be told without.
 * PROTOCOL.md, "Action Reconciliation".
 */

import type { AddFile, DeletionVectorDescriptor } from './actions.ts';
import { isOwnKey, pathKey, vectorId } from './file-key.ts';

/** What became of the file of one key. */
export interface PendingFile {
  /** What commits made of it; null where no add of theirs is left. */
  readonly file: AddFile | null;
  /** The ids of the deletion vectors with which the file below was removed; null: it is gone with any, as it was added anew. */
  readonly removed: ReadonlySet<string> | null;
}

export class PendingFiles {
  readonly #files: Map<string, PendingFile>;
  /** 1 for the marks of the keys. */
  readonly #marks: Uint8Array;

  /** Begins with what is pending `before`, which stays as it is. */
  constructor(before: PendingFiles | null) {
    this.#files = new Map(before === null ? [] : before.#files);
    this.#marks = before === null ? new Uint8Array(MARKS) : before.#marks.slice();
  }

  get size(): number {
    return this.#files.size;
  }

  /** By `pathKey`. */
  entries(): Iterable<readonly [string, PendingFile]> {
    return this.#files;
  }

  keys(): Iterable<string> {
    return this.#files.keys();
  }

  /** Whether a file below, by what it says of itself, is another one by now or gone. */
  hides({ path, deletionVector }: Pick<AddFile, 'path' | 'deletionVector'>): boolean {
    if (this.#marks[markOf(path)] === 0 && isOwnKey(path)) return false;
    const pending = this.#files.get(pathKey(path));
    return pending !== undefined && isHidden(pending, deletionVector);
  }

  clear(): void {
    this.#files.clear();
    this.#marks.fill(0);
  }

  add(key: string, file: AddFile): void {
    this.#set(key, { file, removed: null });
  }

  /** Only the file that has this deletion vector, or none as the other. */
  remove(key: string, vector: DeletionVectorDescriptor | undefined): void {
    const { file = null, removed = NONE } = this.#files.get(key) ?? {};
    const id = vectorId(vector);
    if (file !== null && vectorId(file.deletionVector) !== id) return;
    this.#set(key, {
      file: null,
      removed: removed === null ? null : new Set([...removed, id]),
    });
  }

  #set(key: string, pending: PendingFile): void {
    this.#files.set(key, pending);
    this.#marks[markOf(key)] = 1;
  }
}

/** Whether a file with this deletion vector is gone from below. */
export function isHidden(
  { removed }: PendingFile,
  vector: DeletionVectorDescriptor | undefined,
): boolean {
  return removed === null || removed.has(vectorId(vector));
}

const NONE: ReadonlySet<string> = new Set();

const MARKS = 4_096;

/**
 * A number from some letters where the names of data files differ. It tells most files from a few others for a tenth of what a map
 * takes, which has to look at all letters.
 */
function markOf(path: string): number {
  const end = path.length;
  const letters =
    path.charCodeAt(end - 30) ^ (path.charCodeAt(end - 40) << 4) ^ (path.charCodeAt(end - 50) << 8);
  return letters & (MARKS - 1);
}
