/** What a transaction becomes at one version: checked against the table before it, numbered, timed and signed. */

import { assert, isJsonObject } from '../base/index.ts';
import {
  type Action,
  appendOnly,
  assignsRowIds,
  changesData,
  checkIceberg,
  checkKeepsRowIds,
  checkRowIdColumns,
  checkRowIdsComplete,
  checkWritable,
  type CommitInfo,
  commitInfo,
  hasInCommitTimestamps,
  isAppendOnly,
  isRowTrackingEnabled,
  type Metadata,
  movesRows,
  type Protocol,
  withRowIdColumns,
  withRowIds,
  writeScope,
} from '../log/index.ts';
import { isolationLevel } from './isolation.ts';
import type { TableSnapshot } from './snapshot.ts';
import type { TableContext, TransactionSpec, TxnStep } from './types.ts';

/** A commit ready to be put. */
export interface Prepared {
  readonly version: number;
  readonly txnId: string;
  /** All of it, `commitInfo` first. */
  readonly actions: readonly Action[];
  readonly timestampMs: number;
}

/** What stays the same over all tries to commit. */
export interface Origin {
  readonly txnId: string;
  /** Null for the first commit of a table. */
  readonly readVersion: number | null;
}

/**
 * The commit of `spec` right after `base`. Errors: `FEATURE_UNSUPPORTED`, `APPEND_ONLY`, `ROW_IDS_NEED_STATISTICS`,
 * `ROW_TRACKING_INCOMPLETE`, `ROW_ID_COLUMN_TAKEN`, `ICEBERG_INCOMPATIBLE`.
 */
export function prepareCommit(
  ctx: TableContext,
  base: TableSnapshot | null,
  spec: TransactionSpec,
  origin: Origin,
): Prepared {
  const version = (base?.version ?? -1) + 1;
  const nowMs = ctx.clock.now();
  // PROTOCOL.md, "In-Commit Timestamps": later than the one before, whatever the clocks of writers say.
  const timestampMs = Math.max(nowMs, (base?.timestampMs ?? 0) + 1);
  const described = spec.actions.map((action): Action =>
    action.kind === 'metaData'
      ? { kind: 'metaData', metaData: completed(action.metaData, { base, origin, timestampMs }) }
      : action,
  );
  const { protocol, metadata } = checkActions(base, described, spec);
  const actions = assignsRowIds(protocol, metadata)
    ? withRowIds(described, { base: base?.state ?? null, version })
    : described;
  const info = commitInfo({
    timestampMs: nowMs,
    txnId: origin.txnId,
    operation: spec.operation,
    operationParameters: spec.operationParameters ?? {},
    operationMetrics: spec.operationMetrics ?? {},
    readVersion: origin.readVersion,
    dependsOnFiles: spec.reads.kind !== 'nothing',
    isolationLevel: isolationLevel(metadata, spec.isolation ?? ctx.isolation),
    ...(hasInCommitTimestamps(metadata) ? { inCommitTimestampMs: timestampMs } : {}),
    actions,
    extra: extraInfo(spec.commitInfo ?? {}, metadata),
  });
  const txns = txnsOf(spec).map(({ appId, version: progress }): Action => ({
    kind: 'txn',
    txn: { appId, version: progress, lastUpdated: nowMs },
  }));
  return { version, txnId: origin.txnId, actions: [info, ...txns, ...actions], timestampMs };
}

/** Every application whose progress the commit moves. */
export function txnsOf({
  txn,
  steps = [],
}: Pick<TransactionSpec, 'txn' | 'steps'>): readonly Pick<TxnStep, 'appId' | 'version'>[] {
  return txn === undefined ? steps : [txn, ...steps];
}

/** What the commit itself must say in the metadata: the columns of row ids, and since when commits carry their time. */
function completed(
  metadata: Metadata,
  how: { base: TableSnapshot | null; origin: Origin; timestampMs: number },
): Metadata {
  const { base, origin, timestampMs } = how;
  const named = withRowIdColumns(metadata, origin.txnId);
  checkRowIdColumns(named);
  if (base === null || !hasInCommitTimestamps(named) || hasInCommitTimestamps(base.metadata)) {
    return named;
  }
  return {
    ...named,
    configuration: {
      ...named.configuration,
      'delta.inCommitTimestampEnablementVersion': String(base.version + 1),
      'delta.inCommitTimestampEnablementTimestamp': String(timestampMs),
    },
  };
}

interface Description {
  readonly protocol: Protocol;
  readonly metadata: Metadata;
}

/** What the table will be, where the commit may make it so. */
function checkActions(
  base: TableSnapshot | null,
  actions: readonly Action[],
  { operation, scope: asked, keepsRowIds = false }: TransactionSpec,
): Description {
  const protocol =
    actions.findLast((action) => action.kind === 'protocol')?.protocol ?? base?.protocol;
  const metadata =
    actions.findLast((action) => action.kind === 'metaData')?.metaData ?? base?.metadata;
  assert(
    protocol !== undefined && metadata !== undefined,
    'the first commit of a table holds its protocol and metadata',
  );
  const scope = asked ?? writeScope(actions);
  if (base !== null) checkWritable(base.protocol, base.metadata, scope);
  checkWritable(protocol, metadata, scope);
  if (base !== null && assignsRowIds(protocol, metadata)) {
    if (!keepsRowIds && movesRows(actions, base.state)) {
      checkKeepsRowIds({ protocol, metadata }, operation);
    }
    checkRowIdsComplete(base.state, metadata, actions);
  }
  checkIceberg(base?.state ?? null, { protocol, metadata }, actions);
  if (isAppendOnly(metadata)) {
    const removal = actions.find((action) => action.kind === 'remove' && changesData(action));
    if (removal?.kind === 'remove') throw appendOnly(removal.remove.path);
  }
  return { protocol, metadata };
}

/** PROTOCOL.md, "Writer Requirements for Row Tracking": a commit says whether row ids stayed as they were. */
function extraInfo(extra: CommitInfo, metadata: Metadata): CommitInfo {
  if (!isRowTrackingEnabled(metadata)) return extra;
  const tags = isJsonObject(extra['tags']) ? extra['tags'] : {};
  return { ...extra, tags: { ...tags, 'delta.rowTracking.preserved': 'true' } };
}
