/** What a checkpoint holds. PROTOCOL.md, "Checkpoints", "Action Reconciliation". */

import type { Action, RemoveFile } from './actions.ts';
import type { LogState } from './state.ts';

/** An action that a checkpoint may hold. */
export type CheckpointAction = Exclude<Action, { readonly kind: 'commitInfo' | 'cdc' | 'unknown' }>;

export interface CheckpointRetention {
  /** Tombstones of files removed at this time (milliseconds) or before are left out. */
  readonly removedAfterMs: number;
  /** Transactions last updated before this time are left out; null keeps all. */
  readonly txnUpdatedAfterMs: number | null;
}

/**
 * The rows of the checkpoint of a state: protocol, metadata, transactions, domains, tombstones, live files. They
 * change no data: `dataChange` is false, and tombstones carry neither statistics nor tags.
 */
export function* checkpointActions(
  state: LogState,
  retention: CheckpointRetention,
): Generator<CheckpointAction> {
  yield { kind: 'protocol', protocol: state.protocol };
  yield { kind: 'metaData', metaData: state.metadata };
  for (const txn of state.txns.values()) {
    if (isKept(txn.lastUpdated, retention.txnUpdatedAfterMs)) yield { kind: 'txn', txn };
  }
  for (const domainMetadata of state.domains.values()) {
    yield { kind: 'domainMetadata', domainMetadata };
  }
  for (const remove of state.tombstones.values()) {
    if ((remove.deletionTimestamp ?? 0) > retention.removedAfterMs) {
      yield { kind: 'remove', remove: tombstone(remove) };
    }
  }
  for (const add of state.files.values()) yield { kind: 'add', add: { ...add, dataChange: false } };
}

/** A transaction without a time never expires. */
function isKept(lastUpdated: number | undefined, afterMs: number | null): boolean {
  return afterMs === null || lastUpdated === undefined || lastUpdated >= afterMs;
}

function tombstone(remove: RemoveFile): RemoveFile {
  const { stats: _stats, tags: _tags, ...rest } = remove;
  return { ...rest, dataChange: false };
}
