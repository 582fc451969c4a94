/** Processes at work: each runs its actor, may crash at any turn, and is started again from the top. */

import { isDeltaError } from '../../src/base/index.ts';
import type { Objects } from './objects.ts';
import type { Process } from './scheduler.ts';
import { Violation } from './table-state.ts';

/** What one kind of process does until it is done; begun again after a crash. */
export interface Member {
  readonly name: string;
  readonly begin: (process: Process) => () => Promise<void>;
}

export interface CrewOptions {
  /** What broke first; null as long as nothing did. */
  readonly failure: () => unknown;
  readonly fail: (error: unknown) => void;
  /** Ends a process where it stands. */
  readonly crash: (process: Process) => void;
}

const START_MS_MAX = 20;
const RESTART_MS_MAX = 100;

export class Crew {
  readonly #objects: Objects;
  readonly #options: CrewOptions;
  readonly #running = new Map<Process, Member>();

  constructor(objects: Objects, options: CrewOptions) {
    this.#objects = objects;
    this.#options = options;
  }

  /** Runs all to their ends; throws what broke first. */
  async run(members: readonly Member[]): Promise<void> {
    const { failure } = this.#options;
    const check = (): void => {
      const broken = failure();
      if (broken !== null) throw broken;
    };
    for (const member of members) this.#start(member);
    await this.#objects.scheduler.run(
      () => this.#running.size === 0 || failure() !== null,
      () => {
        check();
        this.#perhapsCrash();
      },
    );
    check();
  }

  #start(member: Member): void {
    const { random, scheduler } = this.#objects;
    const process: Process = { name: member.name, alive: true };
    const work = member.begin(process);
    this.#running.set(process, member);
    const end = (): void => {
      this.#running.delete(process);
      scheduler.end(process);
    };
    const begin = async (): Promise<void> => {
      await scheduler.turn(process, { delayMs: () => random.float() * START_MS_MAX });
      await work();
    };
    begin().then(end, (error: unknown) => {
      // What a process says after its end nobody hears.
      if (process.alive) this.#options.fail(withName(error, member.name));
      end();
    });
  }

  #perhapsCrash(): void {
    const { random, scheduler, faults } = this.#objects;
    if (random.float() >= faults.crash || this.#running.size === 0) return;
    const all = [...this.#running].filter(([{ alive }]) => alive);
    const [process, member] = all[Math.floor(random.float() * all.length)] ?? [];
    if (process === undefined || member === undefined) return;
    this.#options.crash(process);
    this.#running.delete(process);
    // Stands in for the process until there is one again.
    const gap: Process = { name: member.name, alive: false };
    this.#running.set(gap, member);
    scheduler.later(random.float() * RESTART_MS_MAX, () => {
      this.#running.delete(gap);
      this.#start(member);
    });
  }
}

function withName(error: unknown, name: string): unknown {
  if (error instanceof Violation) return error;
  return new Violation(`${name}: ${describe(error)}`, { cause: error });
}

function describe(error: unknown): string {
  if (isDeltaError(error)) return `${error.code} ${error.message}`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
