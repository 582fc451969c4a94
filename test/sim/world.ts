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
import { Crew } from './crew.ts';
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

/** What a process may be told while its store fails; it tries again. */
const PASSING: ReadonlySet<string> = new Set(['STORE_UNAVAILABLE', 'STORE_OUTCOME_UNKNOWN']);

/** What work rests on. */
export interface Needs {
  /** The first version of the log. */
  readonly version: number;
  /** Files that were there at this time, or are younger. Default: now. */
  readonly sinceMs?: number;
}

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
  readonly #crew: Crew;
  readonly #processes = new Map<Clock, Process>();
  readonly #underWay = new Set<Work>();
  #counter = 0;

  constructor(seed: number, how: { readonly faults: Faults; readonly terms: Terms }) {
    this.random = seededRandom(seed);
    this.terms = how.terms;
    this.scheduler = new Scheduler(this.random);
    const note = (what: string): void => this.note(what);
    const isDecidedBefore = how.terms.isCoordinated;
    this.#witness = new Witness(this.model, {
      isDecidedBefore,
      nowMs: () => this.scheduler.nowMs,
      isThere: how.terms.hasFiles ? (path) => this.objects.find(path) !== null : null,
      note,
    });
    this.objects = new Objects(this.scheduler, how.faults, (write) => this.#witness.wrote(write));
    this.entries = new Entries(this.objects, ({ fileName, tempPath }) => {
      const bytes = this.objects.find(`${LOG_FOLDER}/${tempPath}`)?.bytes ?? null;
      this.#witness.decided(fileName, bytes);
    });
    this.#crew = new Crew(this.objects, {
      failure: () => this.#witness.failure,
      fail: (error) => (this.#witness.failure ??= error),
      crash: (process) => this.#crash(process),
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
    await this.#crew.run(
      actors.map((actor) => ({
        name: actor.name,
        begin: (process) => {
          const ctx = this.contextOf(process);
          return () => actor.run(ctx);
        },
      })),
    );
  }

  note(what: string): void {
    this.trace.push(`${this.scheduler.steps} ${what}`);
  }

  /** Does `work`, and has its process known to be at it. */
  async at<T>({ clock }: TableContext, task: string, work: () => Promise<T>): Promise<T> {
    const process = this.#processOf(clock);
    process.task = task;
    try {
      return await work();
    } finally {
      delete process.task;
    }
  }

  /** Does `work`, for which others leave what it needs. */
  async underWay<T>(
    { clock }: TableContext,
    { version: base, sinceMs = this.scheduler.nowMs }: Needs,
    work: () => Promise<T>,
  ): Promise<T> {
    const process = this.#processOf(clock);
    const own: Work = { process, base, sinceMs, untilMs: null };
    this.#underWay.add(own);
    try {
      return await work();
    } finally {
      own.untilMs = this.#lateUntilMs();
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

  /** Until when a request that was lost may still take effect. */
  #lateUntilMs(): number {
    return this.scheduler.nowMs + (this.objects.faults.late > 0 ? LATE_MS_MAX : 0);
  }

  #processOf(clock: Clock): Process {
    const process = this.#processes.get(clock);
    if (process === undefined) throw new Error('a context of nobody');
    return process;
  }

  #crash(process: Process): void {
    this.note(`${process.name} crashes`);
    this.scheduler.kill(process);
    const untilMs = this.#lateUntilMs();
    for (const work of this.#underWay) if (work.process === process) work.untilMs ??= untilMs;
  }
}

/** Whether an error says that the store failed, and nothing else. */
export function isPassing(error: unknown): error is DeltaError {
  return isDeltaError(error) && PASSING.has(error.code);
}
