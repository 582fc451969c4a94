import { expect, test } from 'vitest';

import type { ObjectStore, PutMode, PutResult } from '../../../src/store/index.ts';
import { append } from '../../../src/table/ops/append.ts';
import { deleteRows } from '../../../src/table/ops/delete.ts';
import { rowsOf, tableOf, withBench } from './write-table.ts';

test('a file that meets itself, since its request was sent twice, is written', async () => {
  await withBench('memory', async (bench) => {
    const properties = { 'delta.enableDeletionVectors': 'true' };
    const start = await tableOf(bench, 'n bigint', { properties });
    const ctx = { ...bench.ctx, store: sentTwice(bench.ctx.store) };
    const rows = Array.from({ length: 1_000 }, (_, n) => ({ n }));
    const { snapshot } = await append(ctx, start, { rows });
    // So many that their vector has a file of its own.
    const deleted = await deleteRows(ctx, snapshot, { where: 'n % 3 = 0' });
    expect(deleted).toMatchObject({ kind: 'committed', mode: 'deletion-vectors', rowCount: 334 });
    const [file] = [...deleted.snapshot.files()];
    expect(file?.deletionVector?.storageType).toBe('u');
    expect(await rowsOf(bench, deleted.snapshot)).toHaveLength(666);
  });
});

/** The store, as it answers where something on the way repeats requests that put what must not be there yet. */
function sentTwice(store: ObjectStore): ObjectStore {
  const put = async (path: string, bytes: Uint8Array, mode: PutMode): Promise<PutResult> => {
    const first = await store.put(path, bytes, mode);
    return mode.kind === 'create' ? store.put(path, bytes, mode) : first;
  };
  return new Proxy(store, {
    get: (target, key) => {
      if (key === 'put') return put;
      const member: unknown = Reflect.get(target, key);
      return typeof member === 'function' ? (member.bind(target) as unknown) : member;
    },
  });
}
