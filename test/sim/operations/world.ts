/** One simulated run of real operations: the store, the processes that work on the table in it, and the ledger that judges them. */

import { basename, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

import { type Random, seededRandom } from '../../../src/base/index.ts';
import { localStore, type ObjectStore } from '../../../src/store/index.ts';
import { crashed } from '../../../src/store/errors.ts';
import { DeltaTable } from '../../../src/table/delta-table.ts';
import type { TableTools } from '../../../src/table/table-tools.ts';
import { Crew } from '../crew.ts';
import type { Faults } from '../faults.ts';
import { Objects } from '../objects.ts';
import { type Process, Scheduler } from '../scheduler.ts';
import { SimStore } from '../sim-store.ts';
import { isPassing } from '../world.ts';
import { Ledger } from './ledger.ts';
import type { Outside } from './outside.ts';
import type { Rows, SimRow } from './rows.ts';
import { EPOCH_MS, LOG_RETENTION_MS, type OperationTerms, RETENTION_MS } from './terms.ts';

export const TABLE_URI = 'sim://table';

/** What one process works with. */
export interface Desk {
  readonly process: Process;
  readonly tools: TableTools;
}

/** What one kind of process does until it is done; begun again after a crash. */
export interface Actor {
  readonly name: string;
  run(desk: Desk): Promise<void>;
}

/** What somebody read of a version. */
export interface Seen {
  readonly who: string;
  readonly version: number;
  readonly rows: Rows;
}

/** Files that were there when somebody was told that no file has such rows, and had been there when it was begun. */
export interface Clean {
  readonly paths: readonly string[];
  readonly erases: (row: SimRow) => boolean;
}

export class OperationsWorld {
  readonly random: Random;
  readonly terms: OperationTerms;
  readonly scheduler: Scheduler;
  readonly objects: Objects;
  readonly ledger: Ledger;
  readonly seen: Seen[] = [];
  readonly clean: Clean[] = [];
  readonly trace: string[] = [];
  readonly #outside: Outside;
  readonly #crew: Crew;
  readonly #startMs: number;

  constructor(
    seed: number,
    how: { readonly faults: Faults; readonly terms: OperationTerms; readonly outside: Outside },
  ) {
    this.random = seededRandom(seed);
    this.terms = how.terms;
    this.#outside = how.outside;
    this.scheduler = new Scheduler(this.random, how.outside);
    this.#startMs = this.scheduler.nowMs;
    this.ledger = new Ledger({
      nowMs: () => this.scheduler.nowMs,
      isThere: (path) => this.objects.find(path) !== null,
      note: (what) => this.note(what),
      retentionMs: RETENTION_MS,
      logRetentionMs: LOG_RETENTION_MS,
    });
    this.objects = new Objects(this.scheduler, how.faults, (write) => this.ledger.wrote(write));
    this.#crew = new Crew(this.objects, {
      failure: () => this.ledger.failure,
      fail: (error) => (this.ledger.failure ??= error),
      crash: (process) => {
        this.note(`${process.name} crashes`);
        const call = { verb: process.task ?? '', uri: TABLE_URI, path: '' };
        this.scheduler.kill(process, crashed(call));
      },
    });
  }

  note(what: string): void {
    this.trace.push(`${this.scheduler.steps} ${what}`);
  }

  /** Somebody was told that no file has such rows; it began to look for them at a time. */
  provedClean(sinceMs: number, erases: Clean['erases']): void {
    const all = this.objects.below('', { recursive: true, untilMs: sinceMs });
    const paths = all.map(({ path }) => path).filter((path) => path.endsWith('.parquet'));
    this.clean.push({ paths: paths.filter((path) => !path.startsWith('_delta_log/')), erases });
  }

  /** Runs all actors to their ends; throws what broke first. */
  async run(actors: readonly Actor[]): Promise<void> {
    try {
      await this.#crew.run(
        actors.map((actor) => ({
          name: actor.name,
          begin: (process) => {
            const desk = { process, tools: this.#toolsOf(process) };
            return () => actor.run(desk);
          },
        })),
      );
    } finally {
      // Processes that crashed put their things away.
      await this.#outside.idle();
    }
  }

  /** Resolves in the rush of an epoch. */
  async rush({ tools }: Desk, epoch: number): Promise<void> {
    const untilMs = this.#startMs + epoch * EPOCH_MS - this.scheduler.nowMs;
    await tools.clock.sleep(Math.max(0, untilMs) + this.random.float() * RUSH_MS);
  }

  /** Does `work` again while its store is to blame. */
  async persist<T>({ tools }: Desk, work: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (!isPassing(error)) throw error;
        await tools.clock.sleep(this.objects.isDown() ? 5_000 : 20);
      }
    }
  }

  /** The table as a process finds it, or as it has held it since it last looked; never longer than retention allows. */
  async table(
    desk: Desk,
    held: DeltaTable | null,
    how: { readonly mayBeOld?: boolean } = {},
  ): Promise<DeltaTable> {
    const chance = this.random.float();
    if (held === null || chance < 0.2) {
      return this.persist(desk, () => DeltaTable.open(desk.tools, TABLE_URI));
    }
    const goneMs = this.scheduler.nowMs - this.ledger.endMs(held.snapshot.version);
    const isOld = how.mayBeOld !== true && goneMs > RETENTION_MS - MARGIN_MS;
    if (isOld || chance < 0.6) await this.persist(desk, () => held.refresh());
    return held;
  }

  /** Tools for the table as it is now, in a store without faults: what is done there is not seen here. */
  async calmTools(): Promise<TableTools> {
    const clock = { now: () => this.scheduler.nowMs, sleep: async () => {} };
    return this.#tools(await this.objects.copy(), clock);
  }

  #toolsOf(process: Process): TableTools {
    const { skewMsMax } = this.terms;
    const skewMs = Math.floor((this.random.float() * 2 - 1) * skewMsMax);
    const store = new SimStore(this.objects, process);
    return this.#tools(store, this.scheduler.clockOf(process, skewMs));
  }

  #tools(store: ObjectStore, clock: TableTools['clock']): TableTools {
    const random = seededRandom(Math.floor(this.random.float() * 2 ** 32));
    return {
      clock,
      random,
      openStore: () => store,
      engine: async () => this.#outside.engine(),
      resolve: async (uri) =>
        uri.startsWith('file:')
          ? localFile(uri, { clock, random })
          : { store, path: uri.slice(TABLE_URI.length + 1) },
      close: async () => {},
    };
  }
}

function localFile(
  uri: string,
  how: Pick<TableTools, 'clock' | 'random'>,
): { readonly store: ObjectStore; readonly path: string } {
  const file = fileURLToPath(uri);
  return { store: localStore(dirname(file), { ...how, durable: false }), path: basename(file) };
}

/** In which all begin to work at the begin of an epoch. */
const RUSH_MS = 150;
/** Left of a retention to whoever still needs what is past it. */
export const MARGIN_MS = 4 * 3_600_000;
