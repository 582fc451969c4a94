/** What may befall a call on its way to the store or the log table, and back. */

import type { DeltaError } from '../../src/base/index.ts';
import { outcomeUnknown, unavailable } from '../../src/store/errors.ts';
import type { Objects } from './objects.ts';
import type { Process } from './scheduler.ts';

export interface Call {
  readonly verb: string;
  readonly uri: string;
  readonly path: string;
}

/** How long a request may be under way after its process has given it up. */
export const LATE_MS_MAX = 400;
const DELAY_MS_MAX = 100;

/** The calls of one process: each waits for its turn. */
export class Wire {
  readonly #objects: Objects;
  readonly #process: Process;

  constructor(objects: Objects, process: Process) {
    this.#objects = objects;
    this.#process = process;
  }

  /** The process waits, `delayMs` at least. */
  async pause(delayMs: number): Promise<void> {
    await this.#objects.scheduler.turn(this.#process, { delayMs: () => delayMs });
  }

  async read<T>(call: Call, work: () => T): Promise<T> {
    const { faults, random } = this.#objects;
    await this.#ask(call);
    if (this.#objects.isDown() || random.float() < faults.fail) throw failed(call);
    return work();
  }

  /** `conditional`: of a write whose repetition would be another one. */
  async write<T>(call: Call, effect: 'conditional' | 'write', work: () => T): Promise<T> {
    const { faults, random, scheduler } = this.#objects;
    await this.#ask(call);
    const lost = (why: string): DeltaError =>
      effect === 'conditional'
        ? outcomeUnknown(call, new Error(why))
        : unavailable(call, new Error(why), true);
    let chance = random.float();
    const falls = (rate: number): boolean => {
      chance -= rate;
      return chance < 0;
    };
    if (this.#objects.isDown() || falls(faults.fail)) throw failed(call);
    if (falls(faults.loseRequest)) throw lost('the request was lost');
    if (falls(faults.late)) {
      scheduler.later(random.float() * LATE_MS_MAX, () => void work());
      throw lost('the request is under way');
    }
    const result = work();
    // Others, and a crash, may come between the effect and its answer.
    await this.pause(0);
    if (falls(faults.loseAnswer)) {
      this.#objects.perhapsGoDown();
      throw lost('the answer was lost');
    }
    if (effect === 'conditional' && falls(faults.echo)) {
      this.#objects.perhapsGoDown();
      return work();
    }
    return result;
  }

  async #ask({ verb, path }: Call): Promise<void> {
    const { faults, random, scheduler } = this.#objects;
    const delayMs = (): number =>
      random.float() < faults.delay ? random.float() * DELAY_MS_MAX : 0;
    await scheduler.turn(this.#process, { delayMs, name: `${verb} ${path}` });
  }
}

function failed(call: Call): DeltaError {
  return unavailable(call, new Error('a planned failure'), true);
}
