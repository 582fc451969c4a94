/**
 * Group commit: appends of one process that wait for the commit before them leave as one. A log takes one commit at a
 * time, so that many small ones spend their time on losing races; together they cost what one costs.
 */

import { isDeltaError, printJson, unreachable } from '../base/index.ts';
import { actionJson, type Metadata, type Protocol } from '../log/index.ts';
import { commitTransaction } from './commit.ts';
import { groupCommitFull } from './errors.ts';
import { tableSnapshot, type TableSnapshot } from './snapshot.ts';
import type {
  CommitGroup,
  CommitOutcome,
  Snapshot,
  TableContext,
  TransactionSpec,
} from './types.ts';

export interface GroupCommitOptions {
  /** Appends that may wait; one more is refused. Default 10,000. */
  readonly waitingMax?: number;
  /** Actions in one commit, and more only where one append alone has more. Default 10,000. */
  readonly actionsMax?: number;
  /**
   * How long the first to come waits for others, in milliseconds. Default 0: those go along that came in the same moment
   * or while the commit before was under way.
   */
  readonly delayMs?: number;
}

const LIMITS = { waitingMax: 10_000, actionsMax: 10_000, delayMs: 0 } as const;

interface Waiting {
  readonly snapshot: TableSnapshot;
  readonly spec: TransactionSpec;
  /** Those with the same one may share a commit. */
  readonly key: string;
  readonly resolve: (outcome: CommitOutcome) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * Commits blind appends in groups, and everything else by itself. Each caller has the version that its rows came with,
 * and its own error: where a group cannot be committed, each of it is tried alone. Of one application no two
 * transactions are in one commit, and they go in the order in which they came. A caller's signal counts until its group is under way.
 */
export class GroupCommit implements CommitGroup {
  readonly #ctx: TableContext;
  readonly #limits: Required<GroupCommitOptions>;
  #waiting: Waiting[] = [];
  /** Goes on until nobody waits; null while nobody does. */
  #work: Promise<void> | null = null;
  /** The newest version that a group has made. */
  #latest: TableSnapshot | null = null;

  /** `ctx` is that of the table, without a group of its own. */
  constructor(ctx: TableContext, options: GroupCommitOptions = {}) {
    this.#ctx = ctx;
    this.#limits = { ...LIMITS, ...options };
  }

  /** As `commitTransaction`; and `GROUP_COMMIT_FULL` where too many wait: nothing was committed then. */
  async commit(snapshot: Snapshot, spec: TransactionSpec): Promise<CommitOutcome> {
    if (!isBlindAppend(spec)) return commitTransaction(this.#ctx, snapshot, spec);
    if (this.#waiting.length >= this.#limits.waitingMax) {
      throw groupCommitFull(this.#limits.waitingMax);
    }
    const { promise, resolve, reject } = Promise.withResolvers<CommitOutcome>();
    const key = keyOf(spec);
    this.#waiting.push({ snapshot: tableSnapshot(snapshot), spec, key, resolve, reject });
    this.#work ??= this.#run();
    return promise;
  }

  /** Resolves once nobody waits. */
  async idle(): Promise<void> {
    await this.#work;
  }

  /** Never rejects: what goes wrong is for those who wait. */
  async #run(): Promise<void> {
    try {
      await this.#ctx.clock.sleep(this.#limits.delayMs);
      while (this.#waiting.length > 0) await this.#commitGroup(this.#take());
    } catch (error) {
      for (const { reject } of this.#waiting.splice(0)) reject(error);
    } finally {
      this.#work = null;
    }
  }

  /** Those who go together with the first, in the order in which they came. */
  #take(): readonly Waiting[] {
    const group: Waiting[] = [];
    const left: Waiting[] = [];
    const appIds = new Set<string>();
    let actionCount = 0;
    for (const it of this.#waiting) {
      const { spec, key } = it;
      const appId = spec.txn?.appId;
      if (spec.signal?.aborted === true) {
        it.reject(spec.signal.reason);
        continue;
      }
      const count = actionCount + spec.actions.length;
      const goes =
        group.length === 0 ||
        (key === group[0]?.key &&
          count <= this.#limits.actionsMax &&
          (appId === undefined || !appIds.has(appId)));
      (goes ? group : left).push(it);
      if (goes) actionCount = count;
      // Also of one that stays behind: those of its application that came later must not overtake it.
      if (appId !== undefined) appIds.add(appId);
    }
    this.#waiting = left;
    return group;
  }

  async #commitGroup(group: readonly Waiting[]): Promise<void> {
    const base = newest(group, this.#latest);
    const [together, alone] = base === null ? [[], group] : split(group, base);
    if (base === null || together.length < 2) return this.#commitEach(group);
    try {
      const outcome = await commitTransaction(this.#ctx, base, merged(together, base));
      switch (outcome.kind) {
        case 'committed':
          this.#latest = tableSnapshot(outcome.snapshot);
          for (const { resolve } of together) resolve(outcome);
          break;
        case 'applied':
        case 'conflict':
          // What stands in the way of one of them need not stand in the way of the others.
          await this.#commitEach(together);
          break;
        default:
          unreachable(outcome);
      }
    } catch (error) {
      // A store that does not answer answers none of them, and an open outcome is open for all.
      if (!isDeltaError(error) || error.kind === 'unavailable') {
        for (const { reject } of together) reject(error);
      } else await this.#commitEach(together);
    }
    return this.#commitEach(alone);
  }

  async #commitEach(group: readonly Waiting[]): Promise<void> {
    for (const { snapshot, spec, resolve, reject } of group) {
      try {
        const outcome = await commitTransaction(this.#ctx, snapshot, spec);
        if (outcome.kind === 'committed') this.#latest = tableSnapshot(outcome.snapshot);
        resolve(outcome);
      } catch (error) {
        reject(error);
      }
    }
  }
}

function isBlindAppend(spec: TransactionSpec): boolean {
  return (
    spec.reads.kind === 'nothing' &&
    spec.rebase === undefined &&
    spec.steps === undefined &&
    spec.actions.every((action) => action.kind === 'add' && action.add.dataChange)
  );
}

/** What a commit says once for all that is in it. */
function keyOf(spec: TransactionSpec): string {
  const { operation, operationParameters = {}, commitInfo = {}, isolation = '' } = spec;
  return printJson([operation, operationParameters, commitInfo, isolation]);
}

function newest(group: readonly Waiting[], latest: TableSnapshot | null): TableSnapshot | null {
  let found: TableSnapshot | null = null;
  for (const { snapshot } of group) {
    if (found === null || snapshot.version > found.version) found = snapshot;
  }
  return latest !== null && found !== null && latest.version > found.version ? latest : found;
}

/** Those to which nothing happened from their snapshot to `base` that concerns a blind append, and the others. */
function split(
  group: readonly Waiting[],
  base: TableSnapshot,
): readonly [readonly Waiting[], readonly Waiting[]] {
  const together: Waiting[] = [];
  const alone: Waiting[] = [];
  for (const it of group) {
    const { snapshot, spec } = it;
    const { txn } = spec;
    const held = txn === undefined ? null : base.txnVersion(txn.appId);
    const isFresh =
      txn === undefined ||
      (held === snapshot.txnVersion(txn.appId) && (held === null || held < txn.version));
    (isFresh && sameDescription(snapshot, base) ? together : alone).push(it);
  }
  return [together, alone];
}

type Described = Readonly<{ protocol: Protocol; metadata: Metadata }>;

function sameDescription(a: Described, b: Described): boolean {
  if (a.protocol === b.protocol && a.metadata === b.metadata) return true;
  const [one, other] = [a, b].map(({ protocol, metadata }) =>
    // Members that are not known may be numbers of any length.
    printJson([
      actionJson({ kind: 'protocol', protocol }),
      actionJson({ kind: 'metaData', metaData: metadata }),
    ]),
  );
  return one === other;
}

function merged(group: readonly Waiting[], base: TableSnapshot): TransactionSpec {
  const specs = group.map(({ spec }) => spec);
  const [first] = specs;
  return {
    operation: first?.operation ?? '',
    operationParameters: first?.operationParameters ?? {},
    operationMetrics: summed(specs),
    commitInfo: first?.commitInfo ?? {},
    actions: specs.flatMap(({ actions }) => actions),
    reads: { kind: 'nothing' },
    ...(first?.isolation === undefined ? {} : { isolation: first.isolation }),
    // Progress that another process moved meanwhile makes it a conflict, and then each is looked at alone.
    steps: specs.flatMap(({ txn }) =>
      txn === undefined ? [] : [{ ...txn, expected: base.txnVersion(txn.appId) }],
    ),
  };
}

/** Rows, files and bytes of all; what is no number in one of them is left out. */
function summed(specs: readonly TransactionSpec[]): Readonly<Record<string, string>> {
  const sums = new Map<string, bigint | null>();
  for (const { operationMetrics = {} } of specs) {
    for (const [name, text] of Object.entries(operationMetrics)) {
      const before = sums.get(name);
      const sum = /^\d+$/.test(text) && before !== null ? (before ?? 0n) + BigInt(text) : null;
      sums.set(name, sum);
    }
  }
  return Object.fromEntries(
    [...sums].flatMap(([name, sum]) => (sum === null ? [] : [[name, String(sum)]])),
  );
}
