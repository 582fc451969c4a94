/** Writing log compaction files, which save readers of a long tail most of its reads. PROTOCOL.md, "Log Compaction Files". */

import { compactActions, compactedPath, printCommit } from '../log/index.ts';
import { listLog, readCommits } from './log-files.ts';
import type { TableContext } from './types.ts';

/**
 * Writes the compacted file of the commits of a range, both ends inclusive. False where nothing was written: one of them is not
 * in the log any more, or the file is there. Errors: `LOG_CORRUPT`, the store's.
 */
export async function compactLog(
  { store }: TableContext,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<boolean> {
  const { commits } = await listLog(store, from);
  const wanted = commits.filter(({ version }) => version >= from && version <= to);
  if (wanted.length !== to - from + 1 || wanted.length < 2) return false;
  const read = await readCommits(store, wanted);
  const bytes = printCommit(compactActions(read.map(({ actions }) => actions)));
  return (await store.put(compactedPath(from, to), bytes, { kind: 'create' })).kind === 'written';
}
