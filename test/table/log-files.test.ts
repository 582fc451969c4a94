import { expect, test } from 'vitest';

import { commitPath } from '../../src/log/index.ts';
import type { ListOptions, ObjectMeta, ObjectStore } from '../../src/store/index.ts';
import { listLog } from '../../src/table/log-files.ts';
import { openSnapshot } from '../../src/table/open.ts';
import { appendSpec, commit, memoryContext, newTable } from './context.ts';

/** A store whose listings leave out what `hides` says, each told its number from 1. */
function listingStore(
  store: ObjectStore,
  hides: (path: string, count: number) => boolean,
): { readonly store: ObjectStore; readonly count: () => number } {
  let count = 0;
  async function* list(prefix: string, options?: ListOptions): AsyncGenerator<ObjectMeta> {
    count += 1;
    const own = count;
    for await (const meta of store.list(prefix, options)) {
      if (!hides(meta.path, own)) yield meta;
    }
  }
  const partial = new Proxy(store, {
    get: (target, name) => {
      if (name === 'list') return list;
      const member: unknown = Reflect.get(target, name);
      return typeof member === 'function' ? (member.bind(target) as unknown) : member;
    },
  });
  return { store: partial, count: () => count };
}

async function tableOfFive(): Promise<ReturnType<typeof memoryContext>> {
  const ctx = memoryContext();
  let snapshot = await newTable(ctx);
  for (const path of ['a', 'b', 'c', 'd']) {
    snapshot = (await commit(ctx, snapshot, appendSpec(path))).snapshot;
  }
  return ctx;
}

test('a commit that one listing missed, while others wrote, is found by the next', async () => {
  const { store } = await tableOfFive();
  for (const missing of [0, 2, 3]) {
    const partial = listingStore(store, (path, n) => n === 1 && path === commitPath(missing));
    const { commits } = await listLog(partial.store, 0);
    expect(commits.map(({ version }) => version)).toEqual([0, 1, 2, 3, 4]);
    expect(partial.count()).toBe(2);
  }
});

test('a hole that stays is one, after two listings', async () => {
  const ctx = await tableOfFive();
  const { store, count } = listingStore(ctx.store, (path) => path === commitPath(2));
  await expect(openSnapshot({ ...ctx, store })).rejects.toMatchObject({
    code: 'LOG_GAP',
    details: { version: 2 },
  });
  expect(count()).toBe(2);
});

test('a whole log is listed once', async () => {
  const { store, count } = listingStore((await tableOfFive()).store, () => false);
  await listLog(store, 0);
  await listLog(store, 3);
  expect(count()).toBe(2);
});
