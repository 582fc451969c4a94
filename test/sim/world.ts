/** One simulated run: what is in the store, the processes that work on it, and the model that judges them. */

import {
  type Clock,
  type DeltaError,
  isDeltaError,
  type Random,
  seededRandom,
} from '../../src/base/index.ts';
import { LOG_FOLDER } from '../../src/log/index.ts';
import { coordinatedStore, type LogTable, type ObjectStore } from '../../src/store/index.ts';
import { openSnapshot, refreshSnapshot } from '../../src/table/open.ts';
import type { Snapshot, TableContext } from '../../src/table/types.ts';
import type { Faults } from './faults.ts';
import { judge } from './judge.ts';
import { Model } from './model.ts';
import { Objects } from './objects.ts';
import { type Process, Scheduler } from './scheduler.ts';
import { Entries, SimLogTable } from './sim-log-table.ts';
import { SimStore } from './sim-store.ts';
import { Violation } from './table-state.ts';
import { chooseIsolation, type Terms } from './terms.ts';
import { LATE_MS_MAX } from './wire.ts';
import { Witness } from './witness.ts';

/** What one kind of process does until it is done; started again from the top after a crash. */
export interface Actor {
  readonly name: string;
  run(ctx: TableContext): Promise<void>;
}

const RESTART_MS_MAX = 100;
/** What a process may be told while its store fails; it tries again. */
const PASSING: ReadonlySet<string> = new Set(['STORE_UNAVAILABLE', 'STORE_OUTCOME_UNKNOWN']);

/** Work that others must leave room for. */
interface Work {
  readonly process: Process;
  /** The version that it was begun on. */
  readonly base: number;
  readonly sinceMs: number;
  /** Until its last request is answered or lost; null while it is under way. */
  untilMs: number | null;
}

export class World {
  readonly random: Random;
  readonly terms: Terms;
  readonly scheduler: Scheduler;
  readonly model = new Model();
  readonly objects: Objects;
  readonly entries: Entries;
  readonly trace: string[] = [];
  readonly #witness: Witness;
  readonly #running = new Map<Process, Actor>();
  readonly #processes = new Map<Clock, Process>();
  readonly #underWay = new Set<Work>();
  #counter = 0;

  constructor(seed: number, how: { readonly faults: Faults; readonly terms: Terms }) {
    this.random = seededRandom(seed);
    this.terms = how.terms;
    this.scheduler = new Scheduler(this.random);
    const note = (what: string): void => this.note(what);
    const isDecidedBefore = how.terms.isCoordinated;
    this.#witness = new Witness(this.model, { isDecidedBefore, note });
    this.objects = new Objects(this.scheduler, how.faults, (write) => this.#witness.wrote(write));
    this.entries = new Entries(this.objects, ({ fileName, tempPath }) => {
      const bytes = this.objects.find(`${LOG_FOLDER}/${tempPath}`)?.bytes ?? null;
      this.#witness.decided(fileName, bytes);
    });
  }

  /** A number that nobody else gets. */
  number(): number {
    this.#counter += 1;
    return this.#counter;
  }

  /** A context without an engine, for one process. */
  contextOf(process: Process): TableContext {
    const { random, scheduler, terms } = this;
    const skewMs = Math.floor((random.float() * 2 - 1) * terms.skewMsMax);
    const clock = scheduler.clockOf(process, skewMs);
    this.#processes.set(clock, process);
    const table = new SimLogTable(this.entries, this.objects, process);
    return this.#context(new SimStore(this.objects, process), { clock, table });
  }

  /** The table as it is now in a store without faults: what is done there is not seen here. */
  async calmContext(): Promise<TableContext> {
    const clock = { now: () => this.scheduler.nowMs, sleep: async () => {} };
    return this.#context(await this.objects.copy(), { clock, table: this.entries.copy() });
  }

  #context(
    bare: ObjectStore,
    { clock, table }: { readonly clock: Clock; readonly table: LogTable },
  ): TableContext {
    const random = seededRandom(Math.floor(this.random.float() * 2 ** 32));
    const absent = (): Promise<never> => Promise.reject(new Error('not in the simulation'));
    return {
      store: this.terms.isCoordinated ? coordinatedStore(bare, table, { clock, random }) : bare,
      clock,
      random,
      engine: absent,
      resolve: absent,
      isolation: chooseIsolation(this.terms, random),
    };
  }

  /** Runs all actors to their ends; throws what broke first. */
  async run(actors: readonly Actor[]): Promise<void> {
    const witness = this.#witness;
    for (const actor of actors) this.#start(actor);
    await this.scheduler.run(
      () => this.#running.size === 0 || witness.failure !== null,
      () => {
        if (witness.failure !== null) throw witness.failure;
        this.#perhapsCrash();
      },
    );
    if (witness.failure !== null) throw witness.failure;
  }

  note(what: string): void {
    this.trace.push(`${this.scheduler.steps} ${what}`);
  }

  /** Does `work`, which needs the log from a version on and what is written from now on. */
  async underWay<T>({ clock }: TableContext, base: number, work: () => Promise<T>): Promise<T> {
    const process = this.#processes.get(clock);
    if (process === undefined) throw new Error('a context of nobody');
    const own: Work = { process, base, sinceMs: this.scheduler.nowMs, untilMs: null };
    this.#underWay.add(own);
    try {
      return await work();
    } finally {
      own.untilMs = this.scheduler.nowMs + LATE_MS_MAX;
    }
  }

  /** From where on the log, and what was written, is in use: infinite where nobody works. */
  inUse(): { readonly version: number; readonly sinceMs: number } {
    for (const work of this.#underWay) {
      if ((work.untilMs ?? Infinity) < this.scheduler.nowMs) this.#underWay.delete(work);
    }
    const all = [...this.#underWay];
    return {
      version: Math.min(Number.POSITIVE_INFINITY, ...all.map(({ base }) => base)),
      sinceMs: Math.min(Number.POSITIVE_INFINITY, ...all.map(({ sinceMs }) => sinceMs)),
    };
  }

  /** Does `work` again while its store is to blame. */
  async persist<T>(ctx: TableContext, work: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (!isPassing(error)) throw error;
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
      judge(this.model, snapshot);
      if (this.objects.faults.listing !== 'stale' && snapshot.version < mustHold) {
        throw new Violation(`version ${snapshot.version} was read after ${mustHold} was there`);
      }
      return snapshot;
    });
  }

  #start(actor: Actor): void {
    const process: Process = { name: actor.name, alive: true };
    const ctx = this.contextOf(process);
    this.#running.set(process, actor);
    const end = (): void => {
      this.#running.delete(process);
      this.scheduler.end(process);
    };
    const begin = async (): Promise<void> => {
      await this.scheduler.turn(process, this.random.float() * 20);
      await actor.run(ctx);
    };
    begin().then(end, (error: unknown) => {
      this.#witness.failure ??= withActor(error, actor.name);
      end();
    });
  }

  #perhapsCrash(): void {
    if (this.random.float() >= this.objects.faults.crash || this.#running.size === 0) return;
    const all = [...this.#running].filter(([{ alive }]) => alive);
    const [process, actor] = all[Math.floor(this.random.float() * all.length)] ?? [];
    if (process === undefined || actor === undefined) return;
    this.note(`${actor.name} crashes`);
    this.scheduler.kill(process);
    this.#running.delete(process);
    const untilMs = this.scheduler.nowMs + LATE_MS_MAX;
    for (const work of this.#underWay) if (work.process === process) work.untilMs ??= untilMs;
    // Stands in for the process until there is one again.
    const gap: Process = { name: actor.name, alive: false };
    this.#running.set(gap, actor);
    this.scheduler.later(this.random.float() * RESTART_MS_MAX, () => {
      this.#running.delete(gap);
      this.#start(actor);
    });
  }
}

/** Whether an error says that the store failed, and nothing else. */
export function isPassing(error: unknown): error is DeltaError {
  return isDeltaError(error) && PASSING.has(error.code);
}

function withActor(error: unknown, name: string): unknown {
  if (error instanceof Violation) return error;
  return new Violation(`${name}: ${describe(error)}`, { cause: error });
}

function describe(error: unknown): string {
  if (isDeltaError(error)) return `${error.code} ${error.message}`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
