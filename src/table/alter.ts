/** Commits that change what a table is told to be, and none of its rows. */

import { backoffMs, unreachable } from '../base/index.ts';
import {
  type Action,
  featureNamed,
  type Metadata,
  type Protocol,
  supportsFeature,
} from '../log/index.ts';
import { commitTransaction } from './commit.ts';
import { type Description, type PropertyChange, withProperties } from './description.ts';
import { alterConflict } from './errors.ts';
import { refreshSnapshot } from './open.ts';
import type { Snapshot, TableContext } from './types.ts';

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
}

/**
 * Sets and unsets table properties, and raises the protocol as far as these need. Repeated on the newest version where another
 * writer changed the table. Errors: those of `withProperties`, `ALTER_CONTENDED`, those of `commitTransaction`.
 */
export async function setProperties(
  ctx: TableContext,
  snapshot: Snapshot,
  change: PropertyChange,
): Promise<AlterResult> {
  const isUnset = change.set === undefined || Object.keys(change.set).length === 0;
  return alter(ctx, snapshot, (latest) => ({
    operation: isUnset ? 'UNSET TBLPROPERTIES' : 'SET TBLPROPERTIES',
    operationParameters: {
      properties: JSON.stringify(isUnset ? (change.unset ?? []) : change.set),
    },
    actions: differences(
      latest,
      withProperties(latest, change, { before: latest, random: ctx.random }),
    ),
  }));
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
    const { restsOnVersion = false, ...alteration } = await work(latest);
    if (alteration.actions.length === 0) return unchanged(latest);
    const outcome = await commitTransaction(ctx, latest, {
      ...alteration,
      reads: { kind: restsOnVersion ? 'table' : 'nothing' },
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
