/** Several writers on a store that fails, loses answers and delays: the same seed gives the same run. */

import { expect, test } from 'vitest';

import { isDeltaError, ManualClock, seededRandom } from '../../src/base/index.ts';
import { commitPath, parseCommit } from '../../src/log/index.ts';
import { faultyStore, memoryStore, randomFaults } from '../../src/store/index.ts';
import { commitTransaction } from '../../src/table/commit.ts';
import { openSnapshot } from '../../src/table/open.ts';
import type { TableContext } from '../../src/table/types.ts';
import { addAction, contextOf, newTable, pathsOf, removeAction } from './context.ts';

const WRITERS = 4;
const TRANSACTIONS = 6;

/** Does `work` again while the store is to blame. */
async function persist(work: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      await work();
      return;
    } catch (error) {
      if (!isDeltaError(error) || error.kind !== 'unavailable') throw error;
    }
  }
}

/** One transaction, made anew on a fresh snapshot until the table has it. */
async function transact(ctx: TableContext, writer: number, version: number): Promise<void> {
  await persist(async () => {
    for (;;) {
      const snapshot = await openSnapshot(ctx);
      const victim = version % 3 === 2 ? pathsOf(snapshot)[0] : undefined;
      const outcome = await commitTransaction(ctx, snapshot, {
        operation: 'WRITE',
        actions: [
          addAction(`${writer}-${version}`),
          ...(victim === undefined ? [] : [removeAction(victim)]),
        ],
        reads:
          victim === undefined
            ? { kind: 'nothing' }
            : { kind: 'rows', predicate: null, paths: new Set([victim]) },
        txn: { appId: `writer ${writer}`, version },
      });
      if (outcome.kind !== 'conflict') return;
    }
  });
}

async function simulate(seed: number): Promise<readonly string[]> {
  const clock = new ManualClock();
  const inner = memoryStore({ clock });
  const calm = contextOf(inner, clock);
  await newTable(calm, { properties: { 'delta.checkpointInterval': '7' } });
  const plan = randomFaults(seededRandom(seed), {
    fail: 0.04,
    loseAnswer: 0.04,
    loseRequest: 0.04,
    delay: 0.1,
  });
  const store = faultyStore(inner, { clock, plan });
  await Promise.all(
    Array.from({ length: WRITERS }, async (_, writer) => {
      const ctx = { ...contextOf(store, clock), random: seededRandom(seed * 100 + writer) };
      for (let version = 0; version < TRANSACTIONS; version += 1) {
        await transact(ctx, writer, version);
      }
    }),
  );
  return checkInvariants(calm);
}

/** No transaction is lost or there twice, no version is missing, and every file is live or was removed once. */
async function checkInvariants(ctx: TableContext): Promise<readonly string[]> {
  const snapshot = await openSnapshot(ctx);
  const trace: string[] = [];
  const live = new Set<string>();
  const applied = new Set<string>();
  for (let version = 1; version <= snapshot.version; version += 1) {
    const path = commitPath(version);
    for (const action of parseCommit((await ctx.store.get(path)).bytes, path)) {
      if (action.kind === 'txn') {
        const name = `${action.txn.appId}/${action.txn.version}`;
        expect(applied.has(name)).toBe(false);
        applied.add(name);
        trace.push(name);
      }
      if (action.kind === 'add') live.add(action.add.path);
      if (action.kind === 'remove') expect(live.delete(action.remove.path)).toBe(true);
    }
  }
  expect(applied.size).toBe(WRITERS * TRANSACTIONS);
  expect(snapshot.version).toBe(WRITERS * TRANSACTIONS);
  expect(pathsOf(snapshot)).toEqual([...live].sort());
  return trace;
}

test.each(Array.from({ length: 10 }, (_, index) => index + 1))(
  'seed %i: every transaction is in the table exactly once',
  async (seed) => {
    expect((await simulate(seed)).length).toBe(WRITERS * TRANSACTIONS);
  },
);

test('the same seed gives the same run', async () => {
  expect(await simulate(3)).toEqual(await simulate(3));
});
