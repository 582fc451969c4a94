/** The `commitInfo` action: provenance, and the id by which a writer knows its own commit. PROTOCOL.md, "Commit Provenance Information". */

import { PACKAGE_VERSION } from '../base/index.ts';
import type { Action, CommitInfo } from './actions.ts';
import type { IsolationLevel } from './conflicts.ts';

/** How this writer signs its commits: the package's name and version. */
export const ENGINE_INFO = `deltawright/${PACKAGE_VERSION}`;

export interface CommitInfoSpec {
  /** Milliseconds since the epoch. */
  readonly timestampMs: number;
  /** Unique to this try to commit. */
  readonly txnId: string;
  /** Spark's names: `WRITE`, `MERGE`, … */
  readonly operation: string;
  readonly operationParameters: Readonly<Record<string, string>>;
  readonly operationMetrics: Readonly<Record<string, string>>;
  /** The version that was read; null for the first commit of a table. */
  readonly readVersion: number | null;
  /** Of the transaction. Default `Serializable`; what only rearranges rows says `SnapshotIsolation` in any case. */
  readonly isolationLevel?: IsolationLevel;
  /** The commit's own time, of a table whose commits carry one. Default none. */
  readonly inCommitTimestampMs?: number;
  /** Whether anything of the table was read. */
  readonly dependsOnFiles: boolean;
  /** What the commit does besides. */
  readonly actions: readonly Action[];
  /** Further members; they come last and replace none of the above. */
  readonly extra: CommitInfo;
}

/** The action, as Spark and others show it in the history of a table. */
export function commitInfo(spec: CommitInfoSpec): Action {
  const files = spec.actions.filter((action) => action.kind === 'add' || action.kind === 'remove');
  const dataChange = files.some((action) => changesData(action));
  const { inCommitTimestampMs, isolationLevel = 'Serializable' } = spec;
  const own: CommitInfo = {
    ...(inCommitTimestampMs === undefined ? {} : { inCommitTimestamp: inCommitTimestampMs }),
    timestamp: spec.timestampMs,
    operation: spec.operation,
    operationParameters: spec.operationParameters,
    ...(spec.readVersion === null ? {} : { readVersion: spec.readVersion }),
    isolationLevel: dataChange || files.length === 0 ? isolationLevel : 'SnapshotIsolation',
    isBlindAppend: !spec.dependsOnFiles && files.every((action) => action.kind === 'add'),
    operationMetrics: spec.operationMetrics,
    engineInfo: ENGINE_INFO,
    txnId: spec.txnId,
  };
  return { kind: 'commitInfo', commitInfo: { ...own, ...spec.extra, ...own } };
}

/** The unique id of a commit, or null where its writer gives none. */
export function txnIdOf(info: CommitInfo | null): string | null {
  const id = info?.['txnId'];
  return typeof id === 'string' ? id : null;
}

/** Whether an action adds or takes away rows, rather than arranging them anew. */
export function changesData(action: Action): boolean {
  if (action.kind === 'add') return action.add.dataChange;
  return action.kind === 'remove' && action.remove.dataChange;
}
