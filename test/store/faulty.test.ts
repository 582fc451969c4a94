import { describe, expect, test } from 'vitest';

import { ManualClock, seededRandom, systemClock } from '../../src/base/index.ts';
import {
  crashAtWrite,
  type Fault,
  faultyStore,
  memoryStore,
  randomFaults,
} from '../../src/store/index.ts';
import { all, bytes, describeStore } from './contract.ts';

const CREATE = { kind: 'create' } as const;
const OVERWRITE = { kind: 'overwrite' } as const;

describeStore('faulty memory without faults', {
  empty: async () =>
    faultyStore(memoryStore({ clock: systemClock }), {
      clock: systemClock,
      plan: randomFaults(seededRandom(1), {}),
    }),
});

describe('a faulty store', () => {
  const clock = new ManualClock();
  const withFault = (fault: Fault) => {
    const inner = memoryStore({ clock });
    return { inner, store: faultyStore(inner, { clock, plan: () => fault }) };
  };

  test('refuses before any effect', async () => {
    const { inner, store } = withFault({ kind: 'fail' });
    await expect(store.put('a', bytes('x'), CREATE)).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      retryable: true,
    });
    await expect(all(store, '')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(await inner.head('a')).toBeNull();
  });

  test('loses the answer after the effect, and says unknown where the write was conditional', async () => {
    const { inner, store } = withFault({ kind: 'lose-answer' });
    await expect(store.put('a', bytes('x'), CREATE)).rejects.toMatchObject({
      code: 'STORE_OUTCOME_UNKNOWN',
      retryable: false,
    });
    await expect(store.put('b', bytes('x'), OVERWRITE)).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      retryable: true,
    });
    expect(await all(inner, '')).toHaveLength(2);
  });

  test('loses the request, which looks the same and does nothing', async () => {
    const { inner, store } = withFault({ kind: 'lose-request' });
    await expect(store.put('a', bytes('x'), CREATE)).rejects.toMatchObject({
      code: 'STORE_OUTCOME_UNKNOWN',
    });
    expect(await inner.head('a')).toBeNull();
  });

  test('delays on the clock', async () => {
    const { inner, store } = withFault({ kind: 'delay', delayMs: 70 });
    const startMs = clock.now();
    await store.put('a', bytes('x'), CREATE);
    expect(clock.now() - startMs).toBe(70);
    expect(await inner.head('a')).not.toBeNull();
  });

  test('crashes before or after one write and does nothing any more, in no view', async () => {
    for (const when of ['crash', 'crash-after'] as const) {
      const inner = memoryStore({ clock });
      const store = faultyStore(inner, { clock, plan: crashAtWrite(1, when) });
      await store.put('0', bytes('x'), CREATE);
      expect(await store.head('0')).not.toBeNull();
      const crashed = { code: 'STORE_CRASHED', retryable: false };
      await expect(store.at('f').put('1', bytes('x'), CREATE)).rejects.toMatchObject(crashed);
      await expect(store.put('2', bytes('x'), CREATE)).rejects.toMatchObject(crashed);
      await expect(store.get('0')).rejects.toMatchObject(crashed);
      const left = (await all(inner, '', { recursive: true })).map(({ path }) => path);
      expect(left).toEqual(when === 'crash' ? ['0'] : ['0', 'f/1']);
    }
  });

  test('has the same faults again from the same seed, about as often as asked', async () => {
    const trace = (): readonly string[] => {
      const plan = randomFaults(seededRandom(7), { fail: 0.1, loseAnswer: 0.2, delay: 0.3 });
      const call = { verb: 'get', uri: 'memory://m', path: 'a', isWrite: false };
      return Array.from({ length: 2000 }, (_, index) => plan({ ...call, index }).kind);
    };
    expect(trace()).toEqual(trace());
    const share = (kind: string): number => trace().filter((k) => k === kind).length / 2000;
    expect(share('fail')).toBeCloseTo(0.1, 1);
    expect(share('lose-answer')).toBeCloseTo(0.2, 1);
    expect(share('lose-request')).toBe(0);
    expect(share('delay')).toBeCloseTo(0.3, 1);
  });
});
