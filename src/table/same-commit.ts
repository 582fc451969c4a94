/** Whether a version is still what was read of it: tables are deleted and made anew, and logs put back from copies. */

import { printJson } from '../base/index.ts';
import { type CommitFile, type CommitInfo, parseCommitInfo } from '../log/index.ts';
import { readIfThere } from './log-files.ts';
import type { TableSnapshot } from './snapshot.ts';
import type { TableContext } from './types.ts';

/**
 * Whether a commit of the snapshot's version is the one that the snapshot was made from. Costs nothing where its file is the one
 * that was seen; one that was copied, or whose writer never had an answer, is told by what it says of itself.
 */
export async function isSameCommit(
  { store, commitSource }: TableContext,
  { etag, state }: TableSnapshot,
  found: Pick<CommitFile, 'path' | 'etag'>,
): Promise<boolean> {
  // A catalog knows whose its commits are, and publishes them as other files.
  if (commitSource !== undefined || (etag !== null && found.etag === etag)) return true;
  if (state.commitInfo === null) return false;
  const bytes = await readIfThere(store, found.path);
  const info = bytes === null ? null : parseCommitInfo(bytes, found.path);
  return info !== null && said(info) === said(state.commitInfo);
}

/** A null says as much as what is not there. */
function said(info: CommitInfo): string {
  return printJson(Object.fromEntries(Object.entries(info).filter(([, value]) => value !== null)));
}
