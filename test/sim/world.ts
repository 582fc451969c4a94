/** One simulated run: what is in the store, the processes that work on it, and the model that judges them. */

import { type DeltaError, isDeltaError, type Random, seededRandom } from '../../src/base/index.ts';
import { type Action, commitPath, parseLogFileName } from '../../src/log/index.ts';
import { commitTransaction } from '../../src/table/commit.ts';
import { openSnapshot, refreshSnapshot } from '../../src/table/open.ts';
import { tableSnapshot } from '../../src/table/snapshot.ts';
import type {
  CommitOutcome,
  Snapshot,
  TableContext,
  TransactionSpec,
} from '../../src/table/types.ts';
import type { Faults } from './faults.ts';
import {
  countersOf,
  Model,
  type Operation,
  type Reads,
  type SimRow,
  stateText,
  Violation,
} from './model.ts';
import { type Process, Scheduler } from './scheduler.ts';
import { Objects, SimStore } from './sim-store.ts';

/** What one kind of process does until it is done; started again from the top after a crash. */
export interface Actor {
  readonly name: string;
  run(ctx: TableContext): Promise<void>;
}

/** A transaction as an actor makes it on a snapshot; null where there is nothing to do. */
export interface Draft {
  readonly operation?: string;
  readonly reads: Reads;
  readonly spec: Pick<TransactionSpec, 'reads' | 'txn' | 'steps' | 'rebase'>;
  readonly actions: readonly Action[];
  readonly inserts?: readonly string[];
  readonly deletes?: readonly string[];
}

const RESTART_MS_MAX = 100;
/** What a process may be told while its store fails; it tries again. */
const PASSING: ReadonlySet<string> = new Set(['STORE_UNAVAILABLE', 'STORE_OUTCOME_UNKNOWN']);

export class World {
  readonly random: Random;
  readonly scheduler: Scheduler;
  readonly objects: Objects;
  readonly model = new Model();
  readonly trace: string[] = [];
  /** Versions that transactions under way were made on. */
  readonly bases = new Map<Process, number>();
  readonly #faults: Faults;
  readonly #running = new Map<Process, Actor>();
  readonly #commits = new Map<string, Uint8Array>();
  #failure: unknown = null;
  #operations = 0;
  #files = 0;

  constructor(seed: number, faults: Faults) {
    this.random = seededRandom(seed);
    this.scheduler = new Scheduler(this.random);
    this.#faults = faults;
    this.objects = new Objects(this.scheduler, faults, (write) => {
      this.#watch(write);
    });
  }

  /** A context without an engine, for one process. */
  contextOf(process: Process): TableContext {
    const absent = (): Promise<never> => Promise.reject(new Error('not in the simulation'));
    return {
      store: new SimStore(this.objects, process),
      clock: this.scheduler.clockOf(process),
      random: seededRandom(Math.floor(this.random.float() * 2 ** 32)),
      engine: absent,
      resolve: absent,
    };
  }

  /** Runs all actors to their ends; throws what broke first. */
  async run(actors: readonly Actor[]): Promise<void> {
    for (const actor of actors) this.#start(actor);
    await this.scheduler.run(
      () => this.#running.size === 0 || this.#failure !== null,
      () => {
        if (this.#failure !== null) throw this.#failure;
        this.#perhapsCrash();
      },
    );
    if (this.#failure !== null) throw this.#failure;
  }

  note(what: string): void {
    this.trace.push(`${this.scheduler.steps} ${what}`);
  }

  /** The processes that run; janitors ask what these still need. */
  oldestBase(): number {
    return Math.min(Number.POSITIVE_INFINITY, ...this.bases.values());
  }

  /** Does `work` again while its store is to blame. */
  async persist<T>(
    ctx: TableContext,
    work: () => Promise<T>,
    also: readonly string[] = [],
  ): Promise<T> {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (!isDeltaError(error) || !(PASSING.has(error.code) || also.includes(error.code))) {
          throw error;
        }
        await ctx.clock.sleep(this.objects.isDown() ? 5_000 : 20);
      }
    }
  }

  /** The newest snapshot, from an older one where there is one; both are held against the model. */
  async open(ctx: TableContext, before: Snapshot | null = null): Promise<Snapshot> {
    return this.persist(ctx, async () => {
      const mustHold = this.model.latest?.version ?? 0;
      const isFresh = before === null || this.random.float() < 0.15;
      const snapshot = isFresh ? await openSnapshot(ctx) : await refreshSnapshot(ctx, before);
      this.judge(snapshot);
      if (this.#faults.listing !== 'stale' && snapshot.version < mustHold) {
        throw new Violation(`version ${snapshot.version} was read after ${mustHold} was there`);
      }
      return snapshot;
    });
  }

  /** Whether a snapshot is exactly the version that it says. */
  judge(snapshot: Snapshot): void {
    const { version } = snapshot;
    const { files, txns, counters, text } = this.model.at(version);
    const names = new Set([...counters.keys()].filter((name) => !name.startsWith('sim.')));
    const domains = snapshotDomains(snapshot).filter(([name]) => names.has(name));
    const found = stateText({
      files: Array.from(snapshot.files(), ({ path }) => decodeURIComponent(path)),
      txns: [...txns.keys()].map((app) => [app, snapshot.txnVersion(app) ?? -1]),
      counters: [...countersOf(snapshot.metadata.configuration), ...domains],
    });
    if (found !== text) {
      throw new Violation(`version ${version} was read as ${found}, and is ${text}`);
    }
    if (snapshot.fileCount !== files.size) throw new Violation(`version ${version}: file count`);
  }

  /** Writes nothing but a name: what a file of these rows would be. */
  newFile(part: string, rows: readonly SimRow[], dataChange = true): Action {
    this.#files += 1;
    const path = `part=${part}/${this.#files} %+é.parquet`;
    this.model.rowsOf.set(path, rows);
    const numbers = rows.map(({ n }) => n);
    const stats = JSON.stringify({
      numRecords: rows.length,
      minValues: { n: Math.min(...numbers) },
      maxValues: { n: Math.max(...numbers) },
      nullCount: { n: 0 },
    });
    const add = {
      path: encodeURI(path).replace('+', '%2B'),
      partitionValues: { part },
      size: rows.length * 10,
      modificationTime: this.scheduler.nowMs,
      dataChange,
      stats,
    };
    return { kind: 'add', add };
  }

  remove(snapshot: Snapshot, path: string, dataChange = true): Action {
    const file = snapshot.file(path);
    if (file === null) throw new Error(`no such file: ${path}`);
    const { partitionValues, size, stats } = file;
    const members = { path, partitionValues, size, ...(stats === undefined ? {} : { stats }) };
    const deletionTimestamp = this.scheduler.nowMs;
    return {
      kind: 'remove',
      remove: { ...members, deletionTimestamp, extendedFileMetadata: true, dataChange },
    };
  }

  /** The live files of a snapshot with their rows. */
  filesOf(snapshot: Snapshot): { readonly path: string; readonly rows: readonly SimRow[] }[] {
    const files = Array.from(snapshot.files(), ({ path }) => ({
      path,
      rows: this.model.rows(decodeURIComponent(path)),
    }));
    return files.sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  /** Commits once; what the process is told is held against the log. */
  async commit(
    ctx: TableContext,
    snapshot: Snapshot,
    draft: Draft,
  ): Promise<CommitOutcome['kind'] | 'failed' | 'unknown'> {
    this.#operations += 1;
    const operation = this.model.begin({
      id: `operation ${this.#operations}`,
      reads: draft.reads,
      readVersion: snapshot.version,
      inserts: draft.inserts ?? [],
      deletes: draft.deletes ?? [],
      isRebased: draft.spec.rebase !== undefined,
    });
    const process = this.#processOf(ctx);
    this.bases.set(process, snapshot.version);
    try {
      const outcome = await commitTransaction(ctx, snapshot, {
        ...draft.spec,
        operation: draft.operation ?? 'WRITE',
        operationParameters: { simulated: operation.id },
        actions: draft.actions,
      });
      return this.#heard(operation, outcome);
    } catch (error) {
      return this.#failed(operation, error);
    } finally {
      this.bases.delete(process);
    }
  }

  /** Commits on fresh snapshots until it is in, or nothing is left to do; false where nobody knows. */
  async transact(
    ctx: TableContext,
    make: (snapshot: Snapshot) => Draft | null,
    before: Snapshot | null = null,
  ): Promise<'done' | 'unknown'> {
    let snapshot = before;
    for (;;) {
      snapshot = await this.open(ctx, snapshot);
      const draft = make(snapshot);
      if (draft === null) return 'done';
      const outcome = await this.commit(ctx, snapshot, draft);
      if (outcome === 'unknown') return 'unknown';
      if (outcome === 'committed' || outcome === 'applied') return 'done';
    }
  }

  #heard(operation: Operation, outcome: CommitOutcome): CommitOutcome['kind'] {
    if (outcome.kind === 'committed') {
      this.model.tell(operation, 'committed', outcome.version);
      this.judge(outcome.snapshot);
    } else if (outcome.kind === 'conflict') {
      this.model.tell(operation, 'refused');
    } else {
      operation.told = 'unknown';
      this.judge(outcome.snapshot);
    }
    this.note(`${operation.id} ${outcome.kind}${outcome.kind === 'conflict' ? outcome.code : ''}`);
    return outcome.kind;
  }

  #failed(operation: Operation, error: unknown): 'failed' | 'unknown' {
    if (!isDeltaError(error)) throw error;
    this.note(`${operation.id} ${error.code}`);
    if (error.code === 'COMMIT_OUTCOME_UNKNOWN') {
      operation.told = 'unknown';
      return 'unknown';
    }
    if (!PASSING.has(error.code)) throw error;
    this.model.tell(operation, 'refused');
    return 'failed';
  }

  #processOf(ctx: TableContext): Process {
    const found = [...this.#running.keys()].find((process) => this.#contexts.get(process) === ctx);
    if (found === undefined) throw new Error('a context of nobody');
    return found;
  }

  readonly #contexts = new Map<Process, TableContext>();

  #start(actor: Actor): void {
    const process: Process = { name: actor.name, alive: true };
    const ctx = this.contextOf(process);
    this.#running.set(process, actor);
    this.#contexts.set(process, ctx);
    const begin = async (): Promise<void> => {
      await this.scheduler.turn(process, this.random.float() * 20);
      await actor.run(ctx);
    };
    begin().then(
      () => {
        this.#running.delete(process);
        this.scheduler.end(process);
      },
      (error: unknown) => {
        this.#failure ??= withActor(error, actor.name);
        this.#running.delete(process);
        this.scheduler.end(process);
      },
    );
  }

  #perhapsCrash(): void {
    if (this.random.float() >= this.objects.faults.crash || this.#running.size === 0) return;
    const all = [...this.#running].filter(([{ alive }]) => alive);
    const [process, actor] = all[Math.floor(this.random.float() * all.length)] ?? [];
    if (process === undefined || actor === undefined) return;
    this.note(`${actor.name} crashes`);
    this.scheduler.kill(process);
    this.#running.delete(process);
    this.bases.delete(process);
    // Stands in for the process until there is one again.
    const gap: Process = { name: actor.name, alive: false };
    this.#running.set(gap, actor);
    this.scheduler.later(this.random.float() * RESTART_MS_MAX, () => {
      this.#running.delete(gap);
      this.#start(actor);
    });
  }

  #watch({
    path,
    bytes,
    before,
  }: {
    readonly path: string;
    readonly bytes: Uint8Array | null;
    readonly before: Uint8Array | null;
  }): void {
    const name = path.startsWith('_delta_log/') ? parseLogFileName(path.slice(11)) : null;
    if (name?.kind !== 'commit') return;
    const { version } = name;
    if (bytes === null) {
      if (version >= this.model.firstRetained) {
        throw this.#fail(`version ${version} was deleted`);
      }
      return;
    }
    const written = this.#commits.get(path);
    if (before !== null || written !== undefined) {
      const isSame = written !== undefined && Buffer.compare(written, bytes) === 0;
      // A late copy of what was there already, and cleaned up since.
      if (before === null && isSame && version < this.model.firstRetained) return;
      throw this.#fail(`version ${version} was written again`);
    }
    this.#commits.set(path, bytes.slice());
    try {
      this.model.commit(version, new TextDecoder().decode(bytes));
    } catch (error) {
      this.#failure ??= error;
      throw error;
    }
    this.note(`version ${version} ${this.model.latest?.operation ?? ''}`);
  }

  #fail(why: string): Violation {
    const violation = new Violation(why);
    this.#failure ??= violation;
    return violation;
  }

  /** Everything that was said to be in the table is there, and every retained version loads as it was. */
  async judgeEnd(): Promise<void> {
    for (const { id, told } of this.model.operations.values()) {
      if (told === 'committed' && !this.model.committedAt.has(id)) {
        throw new Violation(`${id} is lost`);
      }
    }
    const store = await this.objects.copy();
    const calm: TableContext = { ...this.contextOf({ name: 'judge', alive: true }), store };
    const latest = this.model.latest?.version ?? 0;
    this.judge(await openSnapshot(calm));
    for (let version = this.model.firstRetained; version <= latest; version += 1) {
      this.judge(await openSnapshot(calm, { version }));
      if (this.objects.find(commitPath(version)) === null && version > this.model.firstRetained) {
        throw new Violation(`version ${version} is gone`);
      }
    }
    await this.#judgeHole(calm, latest);
  }

  /** Where somebody takes a commit out of the log, nobody reads on as if it had never been. */
  async #judgeHole(calm: TableContext, latest: number): Promise<void> {
    const hole = this.model.firstRetained + 1;
    if (hole >= latest) return;
    const before = await openSnapshot(calm, { version: hole - 1 });
    await calm.store.delete([commitPath(hole)]);
    for (const open of [() => openSnapshot(calm), () => refreshSnapshot(calm, before)]) {
      try {
        this.judge(await open());
      } catch (error) {
        if (!isDeltaError(error, 'LOG_GAP') && !isDeltaError(error, 'VERSION_NOT_FOUND')) {
          throw error;
        }
      }
    }
  }
}

function snapshotDomains(snapshot: Snapshot): (readonly [string, number])[] {
  return Array.from(tableSnapshot(snapshot).state.domains.values(), ({ domain, configuration }) => [
    domain,
    Number(configuration),
  ]);
}

function withActor(error: unknown, name: string): unknown {
  if (error instanceof Violation) return error;
  return new Violation(`${name}: ${describe(error)}`, { cause: error });
}

function describe(error: unknown): string {
  if (isDeltaError(error)) {
    const known: DeltaError = error;
    return `${known.code} ${known.message}`;
  }
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
