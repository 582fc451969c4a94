/**
 * The commit loop: put-if-absent at the next version; where another writer has it, everything that was committed in
 * between is read at once, held against what this transaction read, and the next try goes to the version after it.
 */

import { backoffMs, type DeltaError, type ErrorDetails, isDeltaError } from '../base/index.ts';
import {
  type Action,
  commitPath,
  findConflict,
  parseCommit,
  parseCommitInfo,
  printCommit,
  Replay,
  txnIdOf,
  type WinnerCommit,
} from '../log/index.ts';
import {
  commitContended,
  commitOutcomeUnknown,
  logReplaced,
  transactionConflict,
} from './errors.ts';
import { isolationLevel } from './isolation.ts';
import { readIfThere } from './log-files.ts';
import { advance, isInLog, openSnapshot } from './open.ts';
import { afterCommit } from './post-commit.ts';
import { type Prepared, prepareCommit, txnsOf } from './prepare-commit.ts';
import { logRetentionMs } from './properties.ts';
import { readScope } from './read-scope.ts';
import { tableSnapshot, TableSnapshot } from './snapshot.ts';
import type {
  CommitOutcome,
  Snapshot,
  TableContext,
  TransactionSpec,
  TxnStep,
  Winners,
} from './types.ts';

/** Tries at a version before giving up; each lost one means that another writer's commit went through. */
const ATTEMPTS_MAX = 1_000;
/** For so long a commit is not cleaned up, even where another writer has changed how long it is to be. */
const KEPT_MS = 3_600_000;
/** Pauses after a lost try, in milliseconds. */
const BACKOFF = { delayMsMin: 2, delayMsMax: 200 } as const;
/** Questions whether a commit without an answer was written. */
const SETTLE_ATTEMPTS_MAX = 8;
const SETTLE_BACKOFF = { delayMsMin: 50, delayMsMax: 5_000 } as const;

/**
 * Commits a transaction that was made on `snapshot`; null for the first commit of a table. Atomic: the outcome says
 * whether all of it or nothing is in the table. What follows a commit (checkpoint, manifest) cannot undo it; where
 * that fails, `postCommitErrors` says so.
 * Errors: `FEATURE_UNSUPPORTED`, `APPEND_ONLY`, `ROW_IDS_NEED_STATISTICS`, `ROW_TRACKING_INCOMPLETE`, `COMMIT_CONTENDED`,
 * `COMMIT_OUTCOME_UNKNOWN`, those of opening, the store's. An aborted `signal` stops between tries: then nothing was committed.
 */
export async function commitTransaction(
  ctx: TableContext,
  snapshot: Snapshot | null,
  spec: TransactionSpec,
): Promise<CommitOutcome> {
  const start = snapshot === null ? null : tableSnapshot(snapshot);
  const txnId = ctx.random.uuid();
  const origin = { txnId, readVersion: start?.version ?? null };
  const commits: WinnerCommit[] = [];
  let base = start;
  let { actions } = spec;
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1) {
    spec.signal?.throwIfAborted();
    const settled = settledOutcome(base, spec);
    if (settled !== null) return settled;
    // Later tries begin at what was just read.
    if (base !== null && base === start && !(await isInLog(ctx, base))) return replaced(base);
    const written = prepareCommit(ctx, base, { ...spec, actions }, origin);
    // Before it is put: what cannot be read of the table must not fail a commit that stands.
    const after = following(base, written);
    const stands = await put(ctx, written);
    if (stands !== null) {
      await checkKept(ctx, base, written);
      return finish(ctx, { before: base, after: after.withEtag(stands.etag), written });
    }

    // Not cut short by the signal: whether the commit is there after all must be known first.
    await ctx.clock.sleep(backoffMs(ctx.random, BACKOFF, attempt));
    const next = await winners(ctx, { before: base, after, written });
    if (next === null) return replaced(base);
    const own = next.commits.find((commit) => isOwn(commit, txnId));
    if (own !== undefined) {
      // The put had worked after all, and its repetition inside the store met its own first try.
      return finish(ctx, { before: base, after, written });
    }
    const before = base;
    base = next.snapshot;
    commits.push(...next.commits);
    const fresh = next.commits;
    const decision = await rebase(ctx, { spec, actions, fresh, commits, before, latest: base });
    if (decision.kind === 'conflict') {
      // Another run of the same transaction may be the winner: then it is applied, not in conflict.
      return settledOutcome(base, spec) ?? decision;
    }
    actions = decision.actions;
  }
  throw commitContended((base?.version ?? -1) + 1, ATTEMPTS_MAX);
}

/** What the progress of applications that the table holds says of the transaction: null where it may go in. */
function settledOutcome(base: TableSnapshot | null, spec: TransactionSpec): CommitOutcome | null {
  if (base === null) return null;
  const { txn, steps = [] } = spec;
  const held = txn === undefined ? null : base.txnVersion(txn.appId);
  if (txn !== undefined && held !== null && held >= txn.version) {
    return { kind: 'applied', version: base.version, snapshot: base };
  }
  const stale = staleStep(base, steps);
  return stale === null ? null : lost('CONFLICT_PROGRESS', stale, { version: base.version });
}

/** The first step that does not begin where the table's progress stands, in a sentence; or null. */
export function staleStep(
  snapshot: Pick<Snapshot, 'txnVersion'>,
  steps: readonly TxnStep[],
): string | null {
  for (const { appId, expected } of steps) {
    const held = snapshot.txnVersion(appId);
    if (held === expected) continue;
    const [found, wanted] = [held, expected].map((it) => (it === null ? 'nothing' : String(it)));
    return `the progress of ${appId} in the table is ${found}, not ${wanted}`;
  }
  return null;
}

/**
 * A cleanup may have been under way when the log was looked at: then the commit stands in a hole, and is in no table.
 * Errors: `COMMIT_OUTCOME_UNKNOWN`.
 */
async function checkKept(
  ctx: TableContext,
  base: TableSnapshot | null,
  { version, txnId }: Prepared,
): Promise<void> {
  if (base === null) return;
  const ageMs = ctx.clock.now() - base.timestampMs;
  // One that is ahead of this clock has no age that is known.
  if (ageMs >= 0 && ageMs < Math.min(KEPT_MS, logRetentionMs(base.metadata))) return;
  try {
    if (await isInLog(ctx, base, version)) return;
  } catch (error) {
    if (!isDeltaError(error)) throw error;
    // Nothing speaks against the commit: a moment before it, the log had the version.
    return;
  }
  throw commitOutcomeUnknown(version, txnId, replaced(base).error);
}

/** A commit that is in the log now; the etag of its file is null where its first answer was lost. */
interface Standing {
  readonly etag: string | null;
}

/** Null where another commit has the version. */
async function put(ctx: TableContext, commit: Prepared): Promise<Standing | null> {
  const path = commitPath(commit.version);
  const bytes = printCommit(commit.actions);
  try {
    const result = await ctx.store.put(path, bytes, { kind: 'create' });
    return result.kind === 'written' ? result : null;
  } catch (error) {
    if (!isDeltaError(error, 'STORE_OUTCOME_UNKNOWN')) throw error;
    const stands = await settle(ctx, commit, { path, bytes, cause: error });
    return stands ? { etag: null } : null;
  }
}

/**
 * Whether the commit is in the log, asked until that is known. One that is not there yet may still arrive: so the same
 * bytes are put again, and whichever copy comes first is ours.
 */
async function settle(
  ctx: TableContext,
  commit: Prepared,
  write: { readonly path: string; readonly bytes: Uint8Array; readonly cause: unknown },
): Promise<boolean> {
  const { path, bytes } = write;
  let { cause } = write;
  for (let attempt = 1; attempt <= SETTLE_ATTEMPTS_MAX; attempt += 1) {
    try {
      const found = await readIfThere(ctx.store, path);
      if (found !== null) return txnIdOf(parseCommitInfo(found, path)) === commit.txnId;
      const result = await ctx.store.put(path, bytes, { kind: 'create' });
      if (result.kind === 'written') return true;
    } catch (error) {
      if (!isDeltaError(error)) throw error;
      cause = error;
      // Whoever is not let in any more does not get to know the outcome either.
      if (error.kind !== 'unavailable') break;
      await ctx.clock.sleep(backoffMs(ctx.random, SETTLE_BACKOFF, attempt));
    }
  }
  throw commitOutcomeUnknown(commit.version, commit.txnId, cause);
}

/** A commit, and the table before it and after it; null before its first. */
interface Try {
  readonly before: TableSnapshot | null;
  readonly after: TableSnapshot;
  readonly written: Prepared;
}

function following(before: TableSnapshot | null, written: Prepared): TableSnapshot {
  const replay = new Replay(before?.state ?? null);
  replay.commit(written.actions);
  const { version, timestampMs } = written;
  return new TableSnapshot(replay.finish(version), { timestampMs, etag: null, before });
}

async function finish(ctx: TableContext, { before, after, written }: Try): Promise<CommitOutcome> {
  const { version, actions } = written;
  const { snapshot, errors } = await afterCommit(ctx, { before, snapshot: after, actions });
  return { kind: 'committed', version, snapshot, postCommitErrors: errors };
}

interface RebaseInput {
  readonly spec: TransactionSpec;
  readonly actions: readonly Action[];
  /** Commits not yet looked at. */
  readonly fresh: readonly WinnerCommit[];
  /** All since the transaction's snapshot. */
  readonly commits: readonly WinnerCommit[];
  /** The table right before `fresh`. */
  readonly before: TableSnapshot | null;
  readonly latest: TableSnapshot;
}

type Lost = Extract<CommitOutcome, { kind: 'conflict' }>;

function lost(code: string, reason: string, details: ErrorDetails): Lost {
  return { kind: 'conflict', code, reason, error: transactionConflict({ code, reason, details }) };
}

async function rebase(
  ctx: TableContext,
  input: RebaseInput,
): Promise<{ readonly kind: 'go'; readonly actions: readonly Action[] } | Lost> {
  const { spec, actions, before, latest } = input;
  const conflict = findConflict(
    {
      // Rows are told by the schema that they were read with.
      reads: readScope(spec.reads, before ?? latest),
      actions,
      readAppIds: new Set(txnsOf(spec).map(({ appId }) => appId)),
      isolation: isolationLevel((before ?? latest).metadata, spec.isolation ?? ctx.isolation),
      base: before?.state ?? null,
    },
    input.fresh,
  );
  if (conflict !== null) {
    const { code, reason, version, operation, subject } = conflict;
    return lost(code, reason, { version, operation, subject });
  }
  if (spec.rebase === undefined || input.fresh.length === 0) return { kind: 'go', actions };
  const decision = await spec.rebase(winnersOf(input));
  switch (decision.kind) {
    case 'keep':
      return { kind: 'go', actions };
    case 'replace':
      return { kind: 'go', actions: decision.actions };
    default:
      return lost('CONFLICT_REBASE', decision.reason, { version: latest.version });
  }
}

function winnersOf({ commits, latest }: RebaseInput): Winners {
  const actions = commits.flatMap((commit) => commit.actions);
  return {
    latest,
    versions: commits.map((commit) => commit.version),
    added: actions.flatMap((action) => (action.kind === 'add' ? [action.add] : [])),
    removed: actions.flatMap((action) => (action.kind === 'remove' ? [action.remove.path] : [])),
  };
}

interface Came {
  readonly snapshot: TableSnapshot;
  readonly commits: readonly WinnerCommit[];
}

/**
 * What was committed since the table before; null where the log no longer goes on from it. Where it cannot be read, nobody
 * knows whether the version that was taken is the attempted one itself, whose first answer may have been lost inside the store.
 */
async function winners(ctx: TableContext, attempt: Try): Promise<Came | null> {
  const { before, after, written: attempted } = attempt;
  let failure: DeltaError | null = null;
  try {
    const came = before === null ? await first(ctx) : await advance(ctx, before);
    if (came !== null) return came;
  } catch (error) {
    if (!isDeltaError(error)) throw error;
    if (error.kind === 'unavailable') {
      throw commitOutcomeUnknown(attempted.version, attempted.txnId, error);
    }
    failure = error;
  }
  // Where the log cannot be followed any further, the version itself still says whose it is.
  if (await holds(ctx, attempted)) {
    const { version, actions } = attempted;
    return { snapshot: after, commits: [{ version, actions }] };
  }
  if (failure !== null) throw failure;
  return null;
}

/** Whether the version is the attempted commit. Errors: `COMMIT_OUTCOME_UNKNOWN`. */
async function holds(ctx: TableContext, { version, txnId }: Prepared): Promise<boolean> {
  const path = commitPath(version);
  try {
    const found = await readIfThere(ctx.store, path);
    return found !== null && txnIdOf(parseCommitInfo(found, path)) === txnId;
  } catch (error) {
    if (!isDeltaError(error)) throw error;
    throw commitOutcomeUnknown(version, txnId, error);
  }
}

/** Somebody else made the table first: a conflict for whoever meant to make it. */
async function first(ctx: TableContext): Promise<Came> {
  const snapshot = tableSnapshot(await openSnapshot(ctx));
  const path = commitPath(0);
  const { bytes } = await ctx.store.get(path);
  return { snapshot, commits: [{ version: 0, actions: parseCommit(bytes, path) }] };
}

function replaced(base: TableSnapshot | null): Lost {
  const { code, reason, details } = logReplaced(base?.version ?? 0);
  return lost(code, reason, details);
}

function isOwn(commit: WinnerCommit, txnId: string): boolean {
  return commit.actions.some(
    (action) => action.kind === 'commitInfo' && txnIdOf(action.commitInfo) === txnId,
  );
}
