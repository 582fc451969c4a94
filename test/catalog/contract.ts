/** What every catalog promises; run on each implementation. */

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import type { Catalog } from '../../src/catalog/index.ts';
import { syncCatalog, type TableFacts } from '../../src/catalog/index.ts';
import { days, NATIVE, ORDERS, partitionsOf, SYMLINK, withColumn } from './examples.ts';

export interface CatalogBed {
  readonly catalog: Catalog;
  /** A database that no other test uses. */
  readonly database: string;
  close(): Promise<void>;
}

export function catalogContract(name: string, open: () => Promise<CatalogBed>): void {
  describe(`${name} as a catalog`, () => {
    let bed: CatalogBed;
    let catalog: Catalog;
    let database: string;
    beforeEach(async () => {
      bed = await open();
      ({ catalog, database } = bed);
    });
    afterEach(() => bed.close());

    const nativeName = () => ({ database, table: 'orders' });
    const symlinkName = () => ({ database, table: 'orders_symlink' });

    test('a table that nobody registered is null', async () => {
      expect(await catalog.getTable(nativeName())).toBeNull();
    });

    test('a put creates database and table, and the entry comes back as it was put', async () => {
      expect(await catalog.putTable(database, NATIVE)).toBe('created');
      expect(await catalog.getTable(nativeName())).toEqual(NATIVE);
      expect(await catalog.putTable(database, SYMLINK)).toBe('created');
      expect(await catalog.getTable(symlinkName())).toEqual(SYMLINK);
    });

    test('the same put again changes nothing', async () => {
      await catalog.putTable(database, NATIVE);
      expect(await catalog.putTable(database, NATIVE)).toBe('unchanged');
    });

    test('names ignore case', async () => {
      await catalog.putTable(database.toUpperCase(), { ...NATIVE, Name: 'Orders' });
      expect(await catalog.getTable({ database, table: 'ORDERS' })).not.toBeNull();
      expect(await catalog.putTable(database, NATIVE)).toBe('unchanged');
    });

    test('a new column updates the entry', async () => {
      await catalog.putTable(database, NATIVE);
      const wider = withColumn(NATIVE, { Name: 'city', Type: 'string', Comment: 'where to' });
      expect(await catalog.putTable(database, wider)).toBe('updated');
      expect(await catalog.getTable(nativeName())).toEqual(wider);
    });

    test('parameters, description and comments of others are kept', async () => {
      const theirs = {
        ...withColumn(NATIVE, { Name: 'city', Type: 'string', Comment: 'where to' }),
        Description: 'all orders',
        Parameters: { ...NATIVE.Parameters, owner_team: 'sales' },
      };
      await catalog.putTable(database, theirs);
      const ours = withColumn(NATIVE, { Name: 'city', Type: 'string' });
      expect(await catalog.putTable(database, ours)).toBe('unchanged');
      const wider = withColumn(ours, { Name: 'zip', Type: 'string' });
      expect(await catalog.putTable(database, wider)).toBe('updated');
      const found = await catalog.getTable(nativeName());
      expect(found?.Parameters['owner_team']).toBe('sales');
      expect(found?.Description).toBe('all orders');
      expect(found?.StorageDescriptor.Columns.find((c) => c.Name === 'city')?.Comment).toBe(
        'where to',
      );
    });

    test('a parameter that says what the entry is goes when the entry becomes another', async () => {
      await catalog.putTable(database, NATIVE);
      expect(await catalog.putTable(database, { ...SYMLINK, Name: 'orders' })).toBe('updated');
      const found = await catalog.getTable(nativeName());
      expect(found?.Parameters).toEqual(SYMLINK.Parameters);
      expect(found?.StorageDescriptor.SerdeInfo).toEqual(SYMLINK.StorageDescriptor.SerdeInfo);
    });

    test('the tables of a database come in the order of their names', async () => {
      for (const table of ['b', 'a-b', 'a_b', 'a']) {
        await catalog.putTable(database, { ...NATIVE, Name: table });
      }
      expect(await names(catalog, database)).toEqual(['a', 'a-b', 'a_b', 'b']);
      expect(await names(catalog, `${database}_none`)).toEqual([]);
    });

    test('without a database, the tables of all come', async () => {
      await catalog.putTable(database, NATIVE);
      await catalog.putTable(`${database}_2`, NATIVE);
      const found: string[] = [];
      for await (const entry of catalog.listTables()) found.push(entry.database);
      expect(found.filter((each) => each.startsWith(database))).toEqual([
        database,
        `${database}_2`,
      ]);
    });

    test('a table of another format is not replaced', async () => {
      const iceberg = { ...NATIVE, Parameters: { table_type: 'ICEBERG' } };
      await catalog.putTable(database, iceberg);
      await expect(catalog.putTable(database, NATIVE)).rejects.toMatchObject({
        code: 'CATALOG_NAME_TAKEN',
      });
    });

    test('a name that is not a plain word is refused', async () => {
      for (const table of ['', '../x', 'a.b', 'a/b', 'a b']) {
        await expect(catalog.getTable({ database, table })).rejects.toMatchObject({
          code: 'CATALOG_BAD_NAME',
        });
      }
    });

    test('partitions become exactly the wanted ones, over the size of a batch', async () => {
      await catalog.putTable(database, SYMLINK);
      expect(await values(catalog, symlinkName())).toEqual([]);
      const many = partitionsOf(days(230));
      expect(await catalog.putPartitions(symlinkName(), many)).toEqual({
        created: 230,
        updated: 0,
        deleted: 0,
      });
      const fewer = [...partitionsOf(['new day']), ...many.slice(0, 150)];
      expect(await catalog.putPartitions(symlinkName(), fewer)).toEqual({
        created: 1,
        updated: 0,
        deleted: 80,
      });
      expect(await values(catalog, symlinkName())).toEqual(
        fewer.map((partition) => partition.Values.join()).sort(),
      );
    });

    test('the same partitions again change nothing', async () => {
      await catalog.putTable(database, SYMLINK);
      await catalog.putPartitions(symlinkName(), partitionsOf(['a', 'b']));
      expect(await catalog.putPartitions(symlinkName(), partitionsOf(['b', 'a']))).toEqual({
        created: 0,
        updated: 0,
        deleted: 0,
      });
    });

    test('a partition with new columns is updated', async () => {
      await catalog.putTable(database, SYMLINK);
      await catalog.putPartitions(symlinkName(), partitionsOf(['a', 'b']));
      const [first, second] = partitionsOf(['a', 'b']);
      if (first === undefined || second === undefined) throw new Error('no partitions');
      const storage = withColumn(SYMLINK, { Name: 'zip', Type: 'string' }).StorageDescriptor;
      const wider = { ...first, StorageDescriptor: { ...first.StorageDescriptor, ...storage } };
      expect(await catalog.putPartitions(symlinkName(), [wider, second])).toEqual({
        created: 0,
        updated: 1,
        deleted: 0,
      });
    });

    test('values with special characters come back as they were put', async () => {
      await catalog.putTable(database, SYMLINK);
      const strange = ['a/b', 'ção %2F + =', "it's", '__HIVE_DEFAULT_PARTITION__'];
      await catalog.putPartitions(symlinkName(), partitionsOf(strange));
      expect(await values(catalog, symlinkName())).toEqual([...strange].sort());
    });

    test('partitions of a table that is not registered are refused', async () => {
      await catalog.putTable(database, NATIVE);
      const missing = { database, table: 'none' };
      const refusal = { code: 'CATALOG_NO_TABLE' };
      await expect(values(catalog, missing)).rejects.toMatchObject(refusal);
      await expect(catalog.putPartitions(missing, partitionsOf(['a']))).rejects.toMatchObject(
        refusal,
      );
    });

    test('eight writers of one entry at once all succeed, and no parameter is lost', async () => {
      await catalog.putTable(database, NATIVE);
      const keys = Array.from({ length: 8 }, (_, index) => `writer_${index}`);
      await Promise.all(
        keys.map((key) =>
          catalog.putTable(database, {
            ...NATIVE,
            Parameters: { ...NATIVE.Parameters, [key]: 'here' },
          }),
        ),
      );
      const found = await catalog.getTable(nativeName());
      expect(keys.filter((key) => found?.Parameters[key] !== 'here')).toEqual([]);
    });

    test('writers of different partitions at once end with the state of one of them', async () => {
      await catalog.putTable(database, SYMLINK);
      const sets = [['a'], ['a', 'b'], ['b', 'c'], ['c', 'd', 'e']];
      await Promise.all(sets.map((set) => catalog.putPartitions(symlinkName(), partitionsOf(set))));
      await catalog.putPartitions(symlinkName(), partitionsOf(['a', 'e']));
      expect(await values(catalog, symlinkName())).toEqual(['a', 'e']);
    });

    test('a sync registers both tables and the partitions; a second one only reads', async () => {
      const load = () => Promise.resolve(factsOf(['2026-01-01', '2026-01-02']));
      const options = { database, nativeName: 'orders', virtualName: 'orders_symlink', load };
      expect(await syncCatalog(catalog, options)).toEqual({
        kind: 'changed',
        native: 'created',
        virtual: 'created',
        partitions: { created: 2, updated: 0, deleted: 0 },
      });
      expect(await syncCatalog(catalog, options)).toEqual({
        kind: 'current',
        native: 'unchanged',
        virtual: 'unchanged',
        partitions: { created: 0, updated: 0, deleted: 0 },
      });
      expect(await catalog.getTable(nativeName())).toEqual(NATIVE);
      expect(await catalog.getTable(symlinkName())).toEqual(SYMLINK);
      expect(await values(catalog, symlinkName())).toEqual(['2026-01-01', '2026-01-02']);
    });

    test('of two syncs at once, the later state stays, though the earlier writes last', async () => {
      let live = ['a'];
      const load = () => Promise.resolve(factsOf(live));
      const options = { database, nativeName: 'orders', virtualName: 'orders_symlink' };
      await syncCatalog(catalog, { ...options, load });
      let delayed = false;
      const slow = async (): Promise<TableFacts> => {
        if (delayed) return load();
        delayed = true;
        const old = await load();
        live = ['a', 'b'];
        await syncCatalog(catalog, { ...options, load });
        return old;
      };
      await syncCatalog(catalog, { ...options, load: slow });
      expect(await values(catalog, symlinkName())).toEqual(['a', 'b']);
    });

    test('a table without a manifest is registered natively only', async () => {
      const load = () => Promise.resolve({ ...factsOf([]), manifest: null });
      const options = { database, nativeName: 'orders', virtualName: 'orders_symlink', load };
      expect(await syncCatalog(catalog, options)).toMatchObject({
        native: 'created',
        virtual: null,
      });
      expect(await catalog.getTable(symlinkName())).toBeNull();
    });
  });
}

function factsOf(live: readonly string[]): TableFacts {
  const root = 's3://lake/orders/_symlink_format_manifest';
  return {
    location: 's3://lake/orders',
    schema: ORDERS,
    partitionColumns: ['dt'],
    manifest: {
      root,
      partitions: live.map((day) => ({ values: [day], location: `${root}/dt=${day}` })),
    },
  };
}

async function names(catalog: Catalog, database: string): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const { input } of catalog.listTables(database)) found.push(input.Name);
  return found;
}

async function values(
  catalog: Catalog,
  name: { readonly database: string; readonly table: string },
): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const partition of catalog.listPartitions(name)) found.push(partition.Values.join());
  return found.sort();
}
