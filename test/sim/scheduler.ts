/**
 * Processes that take turns: each call to the outside waits until chance picks it, one at a time, so that a seed decides
 * the whole order of what happens. Time moves by steps and to the next sleeper, never by itself.
 */

import { setImmediate } from 'node:timers/promises';

import type { Clock, Random } from '../../src/base/index.ts';

/** How long all may wait for work outside of the simulation, as that of a decoder, before a run counts as stuck. */
const IDLE_MS_MAX = 120_000;
const STEPS_MAX = 200_000;

/** A process of the simulation: alive until its work is done, or it is killed and never hears of anything again. */
export interface Process {
  readonly name: string;
  alive: boolean;
  /** What it is told by whatever it asks once it was killed, where it holds things outside that it must let go of. */
  lastWord?: Error;
  /** What it is at, for those who watch what is written. */
  task?: string;
}

/** Work outside of the simulation that is told of: nobody has a turn while any is under way, whoever may wait for one. */
export interface OutsideWork {
  readonly isBusy: () => boolean;
  /** Resolves when some may have ended. */
  readonly wait: () => Promise<void>;
}

const NO_WORK: OutsideWork = { isBusy: () => false, wait: () => setImmediate() };

/** What a process waits for. */
export interface Wait {
  /** At least so long; asked for when all that is asked for at that moment is known. Default 0. */
  readonly delayMs?: () => number;
  /** Tells what processes ask for at once apart, whichever part of them was faster outside. Default ''. */
  readonly name?: string;
}

interface Turn {
  /** Null for what happens by itself. */
  readonly process: Process | null;
  readonly readyMs: number;
  readonly run: () => void;
  readonly fail: (reason: Error) => void;
}

export class Scheduler {
  readonly random: Random;
  readonly #outside: OutsideWork;
  #nowMs = 1_700_000_000_000;
  #turns: Turn[] = [];
  /** Those asked for since the last one was given. */
  #asked: (Omit<Turn, 'readyMs'> & Required<Wait>)[] = [];
  /** Turns that each process waits for: one that waits for none is at work outside of the simulation. */
  readonly #waiting = new Map<Process, number>();
  #steps = 0;

  constructor(random: Random, outside: OutsideWork = NO_WORK) {
    this.random = random;
    this.#outside = outside;
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  get steps(): number {
    return this.#steps;
  }

  /** Time for one process, whose clock is so far ahead. */
  clockOf(process: Process, skewMs = 0): Clock {
    return {
      now: () => this.#nowMs + skewMs,
      sleep: async (delayMs, signal) => {
        signal?.throwIfAborted();
        await this.turn(process, { delayMs: () => delayMs, name: 'sleep' });
      },
    };
  }

  /** Resolves at the process's turn; never where the process dies before. */
  turn(process: Process, { delayMs = () => 0, name = '' }: Wait = {}): Promise<void> {
    if (process.lastWord !== undefined) return Promise.reject(process.lastWord);
    // Calls side by side may outlive the work that began them.
    if (process.alive) this.#waiting.set(process, (this.#waiting.get(process) ?? 0) + 1);
    return new Promise((resolve, fail) => {
      this.#asked.push({ process, delayMs, name: `${process.name} ${name}`, run: resolve, fail });
    });
  }

  /** The process takes no turns any more. */
  end(process: Process): void {
    process.alive = false;
    this.#waiting.delete(process);
  }

  /** Something that happens by itself, at some time: a request that is still under way. */
  later(delayMs: number, run: () => void): void {
    const readyMs = this.#nowMs + Math.ceil(delayMs);
    this.#turns.push({ process: null, readyMs, run, fail: () => {} });
  }

  /** The process ends where it stands; with a last word, all that it waits for and will ask for fails with that. */
  kill(process: Process, lastWord?: Error): void {
    this.end(process);
    this.#takeUp();
    const own = this.#turns.filter((turn) => turn.process === process);
    this.#turns = this.#turns.filter((turn) => turn.process !== process);
    if (lastWord === undefined) return;
    process.lastWord = lastWord;
    for (const { fail } of own) fail(lastWord);
  }

  /** Gives turns until `isDone` and nothing is under way, calling `before` ahead of each. */
  async run(isDone: () => boolean, before: () => void): Promise<void> {
    let idleSinceMs = performance.now();
    while (!isDone() || this.#turns.length + this.#asked.length > 0) {
      await settled();
      if (this.#isAnyoneOut() || this.#outside.isBusy()) {
        const idleMs = performance.now() - idleSinceMs;
        if (idleMs > IDLE_MS_MAX) throw new Error('the simulation is stuck');
        await this.#outside.wait();
        continue;
      }
      idleSinceMs = performance.now();
      this.#takeUp();
      if (this.#turns.length === 0) continue;
      this.#steps += 1;
      if (this.#steps > STEPS_MAX) throw new Error('the simulation does not end');
      before();
      this.#next();
    }
  }

  #isAnyoneOut(): boolean {
    for (const count of this.#waiting.values()) if (count === 0) return true;
    return false;
  }

  #takeUp(): void {
    const asked = this.#asked;
    this.#asked = [];
    if (asked.length > 1) asked.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
    for (const { delayMs, process, run, fail } of asked) {
      this.#turns.push({ process, readyMs: this.#nowMs + Math.ceil(delayMs()), run, fail });
    }
  }

  /** Any turn that is ready; where none is, time goes on to the first. */
  #next(): void {
    let ready: number[] = [];
    let firstMs = Number.POSITIVE_INFINITY;
    for (const [index, { readyMs }] of this.#turns.entries()) {
      if (readyMs <= this.#nowMs) ready.push(index);
      if (readyMs > firstMs) continue;
      firstMs = readyMs;
    }
    if (firstMs > this.#nowMs) {
      this.#nowMs = firstMs;
      ready = [...this.#turns.keys()].filter((index) => this.#turns[index]?.readyMs === firstMs);
    }
    this.#nowMs += this.random.float() < 0.5 ? 1 : 0;
    const index = ready[Math.floor(this.random.float() * ready.length)] ?? 0;
    const [turn] = this.#turns.splice(index, 1);
    const process = turn?.process ?? null;
    const waiting = process === null ? undefined : this.#waiting.get(process);
    if (process !== null && waiting !== undefined) this.#waiting.set(process, waiting - 1);
    turn?.run();
  }
}

/** Resolves when all that follows from the last turn has happened, as far as it waits for no one outside. */
function settled(): Promise<void> {
  // Node runs these when no continuation of a promise is left.
  return new Promise((resolve) => {
    process.nextTick(resolve);
  });
}
