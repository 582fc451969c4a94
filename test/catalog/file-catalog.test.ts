import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { DeltaError, ManualClock, seededRandom, systemClock } from '../../src/base/index.ts';
import { fileCatalog } from '../../src/catalog/index.ts';
import { localStore, memoryStore } from '../../src/store/index.ts';
import { catalogContract } from './contract.ts';
import { NATIVE, partitionsOf, SYMLINK } from './examples.ts';

const random = seededRandom(7);

catalogContract('a file catalog in memory', () => {
  const clock = new ManualClock();
  const catalog = fileCatalog(memoryStore({ clock }), { clock, random });
  return Promise.resolve({ catalog, database: 'sales', close: () => Promise.resolve() });
});

catalogContract('a file catalog on local disk', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'catalog-'));
  const store = localStore(folder, { clock: systemClock, random, durable: false });
  const catalog = fileCatalog(store, { clock: systemClock, random });
  return { catalog, database: 'sales', close: () => rm(folder, { recursive: true }) };
});

describe('documents of a file catalog', () => {
  const clock = new ManualClock();

  test('one document per table, the partitions beside it', async () => {
    const store = memoryStore({ clock });
    const catalog = fileCatalog(store, { clock, random });
    await catalog.putTable('sales', NATIVE);
    await catalog.putTable('sales', SYMLINK);
    await catalog.putPartitions({ database: 'sales', table: SYMLINK.Name }, partitionsOf(['a']));
    const paths: string[] = [];
    for await (const { path } of store.list('', { recursive: true })) paths.push(path);
    expect(paths).toEqual([
      'sales/orders.json',
      'sales/orders_symlink.json',
      'sales/orders_symlink.partitions.json',
    ]);
    const { bytes } = await store.get('sales/orders.json');
    expect(JSON.parse(new TextDecoder().decode(bytes))).toEqual(NATIVE);
  });

  test('a document that is not JSON, or no table, is named', async () => {
    const store = memoryStore({ clock });
    const catalog = fileCatalog(store, { clock, random });
    const name = { database: 'sales', table: 'orders' };
    for (const text of ['{', '[]', '{"Name":"orders"}', '{"StorageDescriptor":{}}']) {
      await store.put('sales/orders.json', new TextEncoder().encode(text), { kind: 'overwrite' });
      await expect(catalog.getTable(name)).rejects.toMatchObject({ code: 'CATALOG_BAD_ENTRY' });
    }
  });

  test('an entry without buckets, which Presto cannot read, is mended', async () => {
    const store = memoryStore({ clock });
    const catalog = fileCatalog(store, { clock, random });
    const { NumberOfBuckets: _, ...storage } = NATIVE.StorageDescriptor;
    const bytes = new TextEncoder().encode(
      JSON.stringify({ ...NATIVE, StorageDescriptor: storage }),
    );
    await store.put('sales/orders.json', bytes, { kind: 'overwrite' });
    expect(await catalog.putTable('sales', NATIVE)).toBe('updated');
    expect(await catalog.getTable({ database: 'sales', table: 'orders' })).toEqual(NATIVE);
  });

  test('what the store cannot do is said in the words of the catalog', async () => {
    const cases = [
      { store: 'STORE_UNAVAILABLE', kind: 'unavailable', retryable: true },
      { store: 'STORE_DENIED', kind: 'invalid', retryable: false },
    ] as const;
    for (const { store, kind, retryable } of cases) {
      const error = new DeltaError({ kind, code: store, message: 'no', retryable });
      const failing = Object.assign(memoryStore({ clock }), { get: () => Promise.reject(error) });
      const catalog = fileCatalog(failing, { clock, random });
      await expect(catalog.getTable({ database: 'a', table: 'b' })).rejects.toMatchObject({
        kind,
        code: store.replace('STORE', 'CATALOG'),
        retryable,
        cause: error,
      });
    }
  });
});
