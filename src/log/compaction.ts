/** Log compaction files: what several commits say, reconciled, in one file. PROTOCOL.md, "Log Compaction Files". */

import type { Action } from './actions.ts';
import { pathKey, vectorId } from './file-key.ts';
import type { CommitFile, ListedFile } from './segment.ts';

/** Holds the reconciled actions of the commits from `version` to `endVersion`, both inclusive. */
export interface CompactedFile extends ListedFile {
  readonly version: number;
  readonly endVersion: number;
}

/** One file to read: a commit, or a compacted file with the commits that it stands for. */
export type TailStep =
  | { readonly kind: 'commit'; readonly commit: CommitFile }
  | {
      readonly kind: 'compacted';
      readonly file: CompactedFile;
      readonly commits: readonly CommitFile[];
    };

/**
 * The commits, which follow each other without a gap, by as few files as a step by the longest leap gives. The last
 * one is always read itself, since compacted files hold no `commitInfo`; to apply it again changes nothing.
 */
export function tailSteps(
  commits: readonly CommitFile[],
  compacted: readonly CompactedFile[],
): TailStep[] {
  const steps: TailStep[] = [];
  const first = commits[0]?.version ?? 0;
  const last = commits.at(-1)?.version ?? -1;
  const longest = new Map<number, CompactedFile>();
  for (const file of compacted) {
    if (file.endVersion > last) continue;
    const other = longest.get(file.version);
    if (other === undefined || other.endVersion < file.endVersion) longest.set(file.version, file);
  }
  let index = 0;
  while (index < commits.length) {
    const file = longest.get(first + index);
    const isLast = file?.endVersion === last;
    const end = file === undefined ? index : file.endVersion - first + 1;
    if (file !== undefined && end - index > (isLast ? 2 : 1)) {
      steps.push({ kind: 'compacted', file, commits: commits.slice(index, end) });
      index = isLast ? end - 1 : end;
      continue;
    }
    const commit = commits[index];
    if (commit !== undefined) steps.push({ kind: 'commit', commit });
    index += 1;
  }
  return steps;
}

/**
 * What the commits, given by rising version, say together: of each file, application and domain the newest word, tombstones and
 * removed domains included. PROTOCOL.md, "Action Reconciliation".
 */
export function compactActions(commits: Iterable<readonly Action[]>): readonly Action[] {
  const newest = new Map<string, Action>();
  const liveKeys = new Map<string, string>();
  for (const actions of commits) {
    for (const action of actions) {
      const key = keysOf(action).at(-1);
      if (key === undefined) continue;
      newest.delete(key);
      newest.set(key, action);
      if (action.kind !== 'add') continue;
      const path = pathKey(action.add.path);
      const before = liveKeys.get(path);
      // A path has one live file: the same with another deletion vector takes its place.
      if (before !== undefined && before !== key && newest.get(before)?.kind === 'add') {
        newest.delete(before);
      }
      liveKeys.set(path, key);
    }
  }
  return [...newest.values()];
}

/**
 * Whether each file, application and domain is spoken of once, as reconciled actions do. Where one is not, the order of
 * the lines would decide, and writers differ in it: such a file is no compaction of its commits.
 */
export function isReconciled(actions: readonly Action[]): boolean {
  const seen = new Set<string>();
  return actions.every((action) =>
    keysOf(action).every((key) => {
      const isNew = !seen.has(key);
      seen.add(key);
      return isNew;
    }),
  );
}

/** What the action may be the only one to speak of: a live file's path, with any deletion vector, too. */
function keysOf(action: Action): readonly string[] {
  switch (action.kind) {
    case 'add': {
      const path = pathKey(action.add.path);
      return [`live ${path}`, `file ${path}\u0000${vectorId(action.add.deletionVector)}`];
    }
    case 'remove': {
      const { path, deletionVector } = action.remove;
      return [`file ${pathKey(path)}\u0000${vectorId(deletionVector)}`];
    }
    case 'txn':
      return [`txn ${action.txn.appId}`];
    case 'domainMetadata':
      return [`domain ${action.domainMetadata.domain}`];
    case 'protocol':
    case 'metaData':
      return [action.kind];
    default:
      return [];
  }
}
