/** Clones: a table made of another one's files where they are, or a copy of a table with its history. */

import { unreachable } from '../../base/index.ts';
import type { Snapshot, TableContext } from '../types.ts';
import { deepClone } from './clone-deep.ts';
import { shallowClone } from './clone-shallow.ts';

export interface CloneOptions {
  /**
   * `shallow`: a new table whose files are those of the source, where they are; changes of either do not show in the other.
   * `deep`: a copy of all files and of the log, with every version that can still be read and its time.
   */
  readonly kind: 'shallow' | 'deep';
  /** Of a shallow clone: properties that win over those of the source. Default none. */
  readonly properties?: Readonly<Record<string, string>>;
  /**
   * Of a deep clone: whether each version keeps its time. Default true. Where the target cannot keep the times of files, as no
   * object store can, and the table has no in-commit timestamps, the copied commits get them, which asks for writer version 7.
   */
  readonly keepTimes?: boolean;
  readonly signal?: AbortSignal;
}

export interface CloneResult {
  /** Where the clone is. */
  readonly table: string;
  /** Its newest version. */
  readonly snapshot: Snapshot;
  /** Files of the newest version. */
  readonly fileCount: number;
  /** Objects and bytes that were copied. */
  readonly copiedCount: number;
  readonly copiedBytes: number;
  /** As in `CommitOutcome`. */
  readonly postCommitErrors: readonly Error[];
}

/**
 * Clones `snapshot` to the empty place of `target`. A shallow clone is noted in the source's log folder first, so that a vacuum
 * of the source by this package keeps what the clone needs; other engines' vacuums do not ask. Errors: `TABLE_EXISTS`,
 * `CLONE_INVALID`, `CLONE_FILES_MISSING`, `FEATURE_UNSUPPORTED`, those of `commitTransaction` and of the stores.
 */
export async function clone(
  ctx: TableContext,
  snapshot: Snapshot,
  target: TableContext,
  options: CloneOptions,
): Promise<CloneResult> {
  switch (options.kind) {
    case 'shallow':
      return shallowClone(ctx, snapshot, target, options);
    case 'deep':
      return deepClone(ctx, snapshot, target, options);
    default:
      return unreachable(options.kind);
  }
}
