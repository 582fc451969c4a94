/** Commits that change what a table is told to be, and none of its rows. */

import { backoffMs, isDeltaError, unreachable } from '../base/index.ts';
import {
  type Action,
  featureNamed,
  isRowTrackingEnabled,
  type Metadata,
  type Protocol,
  supportsFeature,
} from '../log/index.ts';
import { checkBoundsStay } from './clustering.ts';
import { commitTransaction } from './commit.ts';
import { type Description, type PropertyChange, withProperties } from './description.ts';
import { alterConflict } from './errors.ts';
import { refreshSnapshot } from './open.ts';
import type { ReadSet, Snapshot, TableContext } from './types.ts';

export interface AlterResult {
  /** `unchanged`: the table was so already. */
  readonly kind: 'committed' | 'unchanged';
  /** The table as it is now. */
  readonly snapshot: Snapshot;
  /** As in `CommitOutcome`. */
  readonly postCommitErrors: readonly Error[];
}

/** One change, worked out on a snapshot. */
export interface Alteration {
  /** As `history` shows it; Spark's names. */
  readonly operation: string;
  readonly operationParameters: Readonly<Record<string, string>>;
  /** None where the table is so already. */
  readonly actions: readonly Action[];
  /** True where the change rests on every file of the snapshot, or on its version: then any other commit makes it void. */
  readonly restsOnVersion?: boolean;
  /** What else it rests on. Default: nothing. */
  readonly reads?: ReadSet;
}

/**
 * Sets and unsets table properties, and raises the protocol as far as these need. Repeated on the newest version where another
 * writer changed the table. Row tracking is turned on once all files have row ids: commits before that one give them theirs.
 * Errors: those of `withProperties`, `CLUSTERING_INVALID` where files would have no bounds of a column that they are clustered by,
 * `ALTER_CONTENDED`, those of `commitTransaction`.
 */
export async function setProperties(
  ctx: TableContext,
  snapshot: Snapshot,
  change: PropertyChange,
): Promise<AlterResult> {
  const isUnset = change.set === undefined || Object.keys(change.set).length === 0;
  const work = (latest: Snapshot): Alteration => {
    const after = withProperties(latest, change, { before: latest, random: ctx.random });
    checkBoundsStay(latest, after.metadata);
    return {
      operation: isUnset ? 'UNSET TBLPROPERTIES' : 'SET TBLPROPERTIES',
      operationParameters: {
        properties: JSON.stringify(isUnset ? (change.unset ?? []) : change.set),
      },
      actions: differences(latest, after),
    };
  };
  return turnsOnRowTracking(snapshot, work(snapshot))
    ? alterNumbered(ctx, snapshot, work)
    : alter(ctx, snapshot, work);
}

/**
 * Gives the table a feature, by its name, with those that it needs: it is supported then, and in use once its property says so.
 * Errors as for `setProperties`.
 */
export async function enableFeature(
  ctx: TableContext,
  snapshot: Snapshot,
  name: string,
): Promise<AlterResult> {
  const feature = featureNamed(name);
  if (supportsFeature(snapshot.protocol, feature)) return unchanged(snapshot);
  return setProperties(ctx, snapshot, { set: { [`delta.feature.${feature}`]: 'supported' } });
}

/** Tries at a change of a table that others keep changing. */
const ATTEMPTS_MAX = 100;
const BACKOFF = { delayMsMin: 5, delayMsMax: 500 } as const;

/** Commits the change; where another writer came first it is worked out again on what that one left. */
export async function alter(
  ctx: TableContext,
  snapshot: Snapshot,
  work: (latest: Snapshot) => Alteration | Promise<Alteration>,
): Promise<AlterResult> {
  let latest = snapshot;
  let reason = '';
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1) {
    const { restsOnVersion = false, reads, ...alteration } = await work(latest);
    if (alteration.actions.length === 0) return unchanged(latest);
    const outcome = await commitTransaction(ctx, latest, {
      ...alteration,
      reads: reads ?? { kind: restsOnVersion ? 'table' : 'nothing' },
      ...(restsOnVersion ? { rebase: moved } : {}),
    });
    switch (outcome.kind) {
      case 'committed':
        return { kind: 'committed', ...resultOf(outcome) };
      case 'applied':
        return unchanged(outcome.snapshot);
      case 'conflict':
        ({ reason } = outcome);
        break;
      default:
        return unreachable(outcome);
    }
    await ctx.clock.sleep(backoffMs(ctx.random, BACKOFF, attempt));
    latest = await refreshSnapshot(ctx, latest);
  }
  throw alterConflict(reason, ATTEMPTS_MAX);
}

/** Whether the change turns on row tracking. */
function turnsOnRowTracking({ metadata }: Snapshot, { actions }: Alteration): boolean {
  return (
    !isRowTrackingEnabled(metadata) &&
    actions.some((action) => action.kind === 'metaData' && isRowTrackingEnabled(action.metaData))
  );
}

/** As `alter`, once all files have row ids. One that an append brings without at the last moment gets them in another round. */
async function alterNumbered(
  ctx: TableContext,
  snapshot: Snapshot,
  work: (latest: Snapshot) => Alteration,
): Promise<AlterResult> {
  const first = await numbered(ctx, snapshot);
  const errors = [...first.postCommitErrors];
  try {
    const result = await alter(ctx, first.snapshot, work);
    return { ...result, postCommitErrors: [...errors, ...result.postCommitErrors] };
  } catch (error) {
    // From when the feature is supported no file comes without.
    if (supportsFeature(first.snapshot.protocol, 'rowTracking')) throw error;
    if (!isDeltaError(error, 'ROW_TRACKING_INCOMPLETE')) throw error;
    return alterNumbered(ctx, await refreshSnapshot(ctx, first.snapshot), work);
  }
}

/** Gives files row ids that have none, and the table the feature before, so that no further one comes without. */
async function numbered(ctx: TableContext, snapshot: Snapshot): Promise<AlterResult> {
  const { backfill, hasRowIds } = await import('./ops/row-backfill.ts');
  if (hasRowIds(snapshot)) return unchanged(snapshot);
  let result = await enableFeature(ctx, snapshot, 'rowTracking');
  const postCommitErrors = [...result.postCommitErrors];
  for (let batch = 0; batch === 0 || result.kind === 'committed'; batch += 1) {
    result = await alter(ctx, result.snapshot, (latest) => backfill(ctx, latest, batch));
    postCommitErrors.push(...result.postCommitErrors);
  }
  return { kind: 'committed', snapshot: result.snapshot, postCommitErrors };
}

/** The actions that make one description of a table into another. */
export function differences(before: Description, after: Description): readonly Action[] {
  return [
    ...(sameProtocol(before.protocol, after.protocol)
      ? []
      : [{ kind: 'protocol', protocol: after.protocol } as const]),
    ...(sameMetadata(before.metadata, after.metadata)
      ? []
      : [{ kind: 'metaData', metaData: after.metadata } as const]),
  ];
}

export function unchanged(snapshot: Snapshot): AlterResult {
  return { kind: 'unchanged', snapshot, postCommitErrors: [] };
}

function resultOf(outcome: {
  readonly snapshot: Snapshot;
  readonly postCommitErrors: readonly Error[];
}): Omit<AlterResult, 'kind'> {
  return { snapshot: outcome.snapshot, postCommitErrors: outcome.postCommitErrors };
}

async function moved(): Promise<{ readonly kind: 'conflict'; readonly reason: string }> {
  return { kind: 'conflict', reason: 'another writer committed a version in between' };
}

function sameProtocol(a: Protocol, b: Protocol): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}

function sameMetadata(a: Metadata, b: Metadata): boolean {
  const entries = (it: Metadata): string =>
    JSON.stringify(Object.entries(it.configuration).toSorted(([x], [y]) => (x < y ? -1 : 1)));
  return (
    a.schemaString === b.schemaString &&
    JSON.stringify(a.partitionColumns) === JSON.stringify(b.partitionColumns) &&
    entries(a) === entries(b)
  );
}
