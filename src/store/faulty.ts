/** A store whose every call may fail, lose its answer, be late, or be the last before a crash: for tests of recovery. */

import { type Clock, type DeltaError, type Random, unreachable } from '../base/index.ts';
import { crashed, outcomeUnknown, type StoreCall, unavailable } from './errors.ts';
import type { ListOptions, ObjectMeta, ObjectStore, StorePath } from './types.ts';
import { type WrappedCall, WrappedStore } from './wrapped.ts';

/**
 * What befalls one call:
 * - `none`: nothing
 * - `delay`: it begins later, after others
 * - `fail`: it is refused before it has any effect (`STORE_UNAVAILABLE`, retryable)
 * - `lose-answer`: it takes effect and the answer is lost (`STORE_OUTCOME_UNKNOWN` for a conditional write, else
 *   `STORE_UNAVAILABLE`)
 * - `lose-request`: as `lose-answer` for the caller, but nothing has happened
 * - `crash`, `crash-after`: the process dies before or after the effect: this call and all later ones are
 *   `STORE_CRASHED`, which nothing retries
 */
export type Fault =
  | { readonly kind: 'none' | 'fail' | 'lose-answer' | 'lose-request' | 'crash' | 'crash-after' }
  | { readonly kind: 'delay'; readonly delayMs: number };

/** A call as a plan sees it. */
export interface FaultyCall extends StoreCall {
  /** Calls of this store and its views before this one. */
  readonly index: number;
  /** True for those that change the store. */
  readonly isWrite: boolean;
}

/** Decides what befalls each call. */
export type FaultPlan = (call: FaultyCall) => Fault;

const NO_FAULT: Fault = { kind: 'none' };

/** The same store under a plan of faults; views made with `at` count their calls with it. */
export function faultyStore(
  store: ObjectStore,
  options: { readonly clock: Clock; readonly plan: FaultPlan },
): ObjectStore {
  return new FaultyStore(store, { ...options, callCount: 0, hasCrashed: false });
}

/** Faults by chance: each rate is a probability from 0 to 1, and their sum at most 1. Default 0. */
export function randomFaults(
  random: Random,
  rates: {
    readonly fail?: number;
    readonly loseAnswer?: number;
    readonly loseRequest?: number;
    readonly delay?: number;
    /** Bound of a delay. Default 100. */
    readonly delayMsMax?: number;
  },
): FaultPlan {
  const table: readonly (readonly [rate: number, fault: () => Fault])[] = [
    [rates.fail ?? 0, () => ({ kind: 'fail' })],
    [rates.loseAnswer ?? 0, () => ({ kind: 'lose-answer' })],
    [rates.loseRequest ?? 0, () => ({ kind: 'lose-request' })],
    [
      rates.delay ?? 0,
      () => ({ kind: 'delay', delayMs: random.float() * (rates.delayMsMax ?? 100) }),
    ],
  ];
  return () => {
    let chance = random.float();
    for (const [rate, fault] of table) {
      if (chance < rate) return fault();
      chance -= rate;
    }
    return NO_FAULT;
  };
}

/** One crash: at the write with this index among the writes, before its effect or after it. */
export function crashAtWrite(writeIndex: number, when: 'crash' | 'crash-after'): FaultPlan {
  let writesLeft = writeIndex;
  return ({ isWrite }) => {
    if (!isWrite) return NO_FAULT;
    writesLeft -= 1;
    return writesLeft === -1 ? { kind: when } : NO_FAULT;
  };
}

interface FaultyState {
  readonly clock: Clock;
  readonly plan: FaultPlan;
  callCount: number;
  hasCrashed: boolean;
}

class FaultyStore extends WrappedStore {
  readonly #state: FaultyState;

  constructor(inner: ObjectStore, state: FaultyState) {
    super(inner);
    this.#state = state;
  }

  override async *list(prefix: StorePath, options?: ListOptions): AsyncGenerator<ObjectMeta> {
    await this.perform({ verb: 'list', path: prefix, effect: 'none' }, async () => null);
    yield* this.inner.list(prefix, options);
  }

  override at(prefix: StorePath): ObjectStore {
    return new FaultyStore(this.inner.at(prefix), this.#state);
  }

  protected override async perform<T>(
    { verb, path, effect }: WrappedCall,
    work: () => Promise<T>,
  ): Promise<T> {
    const isWrite = effect !== 'none';
    const lost = effect === 'conditional' ? outcomeUnknown : lostAnswer;
    const call = { verb, uri: this.uri, path };
    const state = this.#state;
    if (state.hasCrashed) throw crashed(call);
    const index = state.callCount;
    state.callCount += 1;
    const fault = state.plan({ ...call, index, isWrite });
    switch (fault.kind) {
      case 'none':
        return work();
      case 'delay':
        await state.clock.sleep(fault.delayMs);
        return work();
      case 'fail':
        throw unavailable(call, new Error('a planned failure'), true);
      case 'lose-request':
        throw lost(call, new Error('a planned loss of the request'));
      case 'lose-answer':
        await work();
        throw lost(call, new Error('a planned loss of the answer'));
      case 'crash':
        state.hasCrashed = true;
        throw crashed(call);
      case 'crash-after':
        await work();
        state.hasCrashed = true;
        throw crashed(call);
      default:
        return unreachable(fault);
    }
  }
}

function lostAnswer(call: StoreCall, cause: unknown): DeltaError {
  return unavailable(call, cause, true);
}
