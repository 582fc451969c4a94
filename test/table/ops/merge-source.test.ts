import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { tableFromArrays, tableToIPC } from 'apache-arrow';
import * as wasm from 'parquet-wasm';
import { describe, expect, test } from 'vitest';

import type { CreateSpec } from '../../../src/table/create.ts';
import { openSnapshot } from '../../../src/table/open.ts';
import { append } from '../../../src/table/ops/append.ts';
import { explainMerge, merge } from '../../../src/table/ops/merge.ts';
import type { MergeSpec } from '../../../src/table/ops/merge-types.ts';
import { rowsOf, tableOf, text, withBench } from './write-table.ts';

const DDL = 'id bigint, p string, n integer';
const UPSERT: Omit<MergeSpec, 'source'> = {
  on: 't.id = s.id',
  whenMatched: [{ update: '*' }],
  whenNotMatched: [{ insert: '*' }],
};

describe('the source of a merge', () => {
  test.each<Partial<CreateSpec>>([
    {},
    { properties: { 'delta.enableDeletionVectors': 'true' } },
    { properties: { 'delta.columnMapping.mode': 'name' } },
  ])('is an older version of the table itself: %j', async (spec) => {
    await withBench('disk', async (bench) => {
      const empty = await tableOf(bench, DDL, { ...spec, partitionBy: ['p'] });
      const rows = [1, 2, 3].map((id) => ({ id, p: `p ${String(id % 2)}`, n: id }));
      const first = await append(bench.ctx, empty, { rows });
      const { snapshot: changed } = await merge(bench.ctx, first.snapshot, {
        source: { rows: [{ id: 2n }, { id: 3n }] },
        on: 't.id = s.id',
        whenMatched: [{ condition: 't.n = 3', delete: true }, { update: { n: 'null' } }],
      });
      const old = await openSnapshot(bench.ctx, { version: first.snapshot.version });
      const back = await merge(bench.ctx, changed, {
        ...UPSERT,
        source: { opened: { context: bench.ctx, snapshot: old } },
      });
      expect(back).toMatchObject({ updatedCount: 1, insertedCount: 1 });
      expect(await rowsOf(bench, back.snapshot)).toEqual(await rowsOf(bench, first.snapshot));
    });
  });

  test('is a query over tables, whose sums have no type of their own in Parquet', async () => {
    await withBench('disk', async (bench) => {
      const start = await tableOf(bench, DDL);
      const rows = [1, 1, 2].map((id) => ({ id, p: 'a', n: id }));
      const { snapshot } = await append(bench.ctx, start, { rows });
      const asked: string[] = [];
      const result = await merge(bench.ctx, snapshot, {
        on: 't.id = s.id',
        source: {
          query: {
            sql: 'SELECT id, count(*) AS c, sum(n) AS total FROM x.orders GROUP BY ALL;',
            database: 'default',
            find: async (name) => {
              asked.push(`${name.database}.${name.table}`);
              return Promise.resolve({ context: bench.ctx, snapshot });
            },
          },
        },
        whenMatched: [{ condition: 's.c = 2', update: { n: 's.total' } }],
      });
      expect(asked).toEqual(['x.orders']);
      expect(
        (await rowsOf(bench, result.snapshot)).map(({ id, n }) => `${text(id)} ${text(n)}`),
      ).toEqual(['"1n" 2', '"1n" 2', '"2n" 2']);
    });
  });

  test('is refused where it is more than a SELECT', async () => {
    await withBench('disk', async (bench) => {
      const snapshot = await tableOf(bench, DDL);
      const query = {
        sql: 'DROP TABLE x',
        database: 'd',
        find: async () => Promise.resolve(null),
      };
      const merging = merge(bench.ctx, snapshot, {
        ...UPSERT,
        source: { query },
      });
      await expect(merging).rejects.toMatchObject({ code: 'QUERY_INVALID' });
    });
  });

  test('may be larger than the memory that is allowed', async () => {
    await withBench('disk', async (bench) => {
      const start = await tableOf(bench, DDL);
      const source = `SELECT i AS id, 'text ' || hash(i) AS p, 1::INTEGER AS n FROM range(400_000) AS r(i)`;
      const parquet = [await bench.parquet('s.parquet', source)];
      const first = await merge(bench.ctx, start, { ...UPSERT, source: { parquet } });
      const again = await merge(bench.ctx, first.snapshot, {
        ...UPSERT,
        source: { parquet },
        whenMatched: [{ update: { n: 't.n + s.n' } }],
        maxMemory: '64mb',
      });
      expect(again).toMatchObject({ updatedCount: 400_000, insertedCount: 0 });
      for (const maxMemory of ['much', 0, '-1mb']) {
        const merging = merge(bench.ctx, start, { ...UPSERT, source: { parquet }, maxMemory });
        await expect(merging).rejects.toMatchObject({ code: 'MERGE_MEMORY' });
      }
    });
  });
});

test('says beforehand which files it would read, and which it would rewrite or hide rows of', async () => {
  await withBench('disk', async (bench) => {
    let snapshot = await tableOf(bench, DDL, {
      properties: { 'delta.enableDeletionVectors': 'true' },
    });
    for (const id of [0, 100, 200]) {
      const rows = [id, id + 50].map((key) => ({ id: key, p: 'a', n: key }));
      ({ snapshot } = await append(bench.ctx, snapshot, { rows }));
    }
    const spec: MergeSpec = {
      source: {
        rows: [
          { id: 50n, n: 1 },
          { id: 120n, n: 1 },
        ],
      },
      on: 't.id = s.id',
      whenMatched: [{ update: { n: 's.n' } }],
    };
    const plan = await explainMerge(bench.ctx, snapshot, spec);
    expect(plan).toMatchObject({
      version: 3,
      fileCount: 3,
      files: [
        { action: 'vector', updatedCount: 1, deletedCount: 0 },
        { action: 'read', updatedCount: 0 },
      ],
    });
    const copied = await explainMerge(bench.ctx, snapshot, { ...spec, mode: 'copy-on-write' });
    expect(copied.files.map(({ action }) => action)).toEqual(['rewrite', 'read']);
    const result = await merge(bench.ctx, snapshot, spec);
    expect(result).toMatchObject({ filesHidden: 1, filesRemoved: 0, filesAdded: 1 });
    expect(result.snapshot.version).toBe(4);
    const { deletionVector } =
      [...result.snapshot.files()].find(({ path }) => path === plan.files[0]?.path) ?? {};
    expect(deletionVector?.cardinality).toBe(1);
  });
});

test('vectors are refused where readers of the table could not see them', async () => {
  await withBench('memory', async (bench) => {
    const plain = await tableOf(bench, DDL);
    const merging = merge(bench.ctx, plain, {
      ...UPSERT,
      source: { rows: [{ id: 1n, p: 'a', n: 1 }] },
      mode: 'deletion-vectors',
    });
    await expect(merging).rejects.toMatchObject({ code: 'FEATURE_UNSUPPORTED' });
  });
});

test('fields that differ only by case are refused, since one would be taken for the other', async () => {
  await withBench('disk', async (bench) => {
    const columns = tableFromArrays({ s: [{ x: 1, X: 2 }] });
    const file = join(bench.folder, 'alike.parquet');
    await writeFile(
      file,
      wasm.writeParquet(wasm.Table.fromIPCStream(tableToIPC(columns, 'stream'))),
    );
    const snapshot = await tableOf(bench, 's struct<X: double>');
    const spec = { on: 'false', whenNotMatched: [{ insert: '*' as const }] };
    await expect(
      merge(bench.ctx, snapshot, { ...spec, source: { parquet: [file] } }),
    ).rejects.toMatchObject({ code: 'SCHEMA_DUPLICATE_COLUMN' });
  });
});
