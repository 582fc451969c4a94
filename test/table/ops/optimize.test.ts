import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

import { type Action, commitPath, parseCommit } from '../../../src/log/index.ts';
import { memorySource, readFooter, readRows } from '../../../src/parquet/index.ts';
import { decodePath, parseStatistics, type Row } from '../../../src/schema/index.ts';
import type { ObjectStore } from '../../../src/store/index.ts';
import { commitTransaction } from '../../../src/table/commit.ts';
import { openSnapshot } from '../../../src/table/open.ts';
import { append } from '../../../src/table/ops/append.ts';
import { checksum } from '../../../src/table/ops/checksum.ts';
import { merge } from '../../../src/table/ops/merge.ts';
import { optimize } from '../../../src/table/ops/optimize.ts';
import type { Snapshot, TableContext } from '../../../src/table/types.ts';
import { removeAction } from '../context.ts';
import { type Bench, dataFiles, rowsOf, tableOf, withBench } from './write-table.ts';

const NESTED = `id bigint not null, parte string, dia date, valor decimal(20,3), quando timestamp,
  lista array<int>, dados struct<a:string,b:array<struct<c:int>>>, mapa map<string,double>`;
const PARTS = ['São Paulo/SP=1 %25 + a:b', null, 'p', ''];

function rowOf(id: number): Row {
  return {
    id: BigInt(id),
    parte: PARTS[id % PARTS.length] ?? null,
    dia: id % 3 === 0 ? null : '1500-01-31',
    valor: `${id}.125`,
    quando: '1969-12-31T23:59:59.999999Z',
    lista: id % 2 === 0 ? [] : [id, null],
    dados: { a: `texto ${id} 😀`, b: [{ c: id }, null] },
    mapa: [['ç', id % 5 === 0 ? Number.NaN : -0]],
  };
}

async function appended(bench: Bench, start: Snapshot, rows: readonly Row[]): Promise<Snapshot> {
  return (await append(bench.ctx, start, { rows })).snapshot;
}

/** A table of `ddl` with a file for each of `count` rows, and for each row number one partition. */
async function small(bench: Bench, count: number, partitionBy = ['parte']): Promise<Snapshot> {
  let snapshot = await tableOf(bench, NESTED, { partitionBy });
  for (let id = 0; id < count; id += 1) snapshot = await appended(bench, snapshot, [rowOf(id)]);
  return snapshot;
}

async function numbers(bench: Bench, files: readonly (readonly number[])[]): Promise<Snapshot> {
  let snapshot = await tableOf(bench, 'id bigint');
  for (const ids of files) {
    snapshot = await appended(
      bench,
      snapshot,
      ids.map((id) => ({ id: BigInt(id) })),
    );
  }
  return snapshot;
}

async function commitOf({ ctx }: Bench, version: number): Promise<readonly Action[]> {
  const path = commitPath(version);
  return parseCommit((await ctx.store.get(path)).bytes, path);
}

/** The values of `id` in the order in which they stand in each file. */
async function idsOf({ ctx }: Bench, snapshot: Snapshot): Promise<readonly (readonly number[])[]> {
  const files: number[][] = [];
  for (const { path } of snapshot.files()) {
    const { bytes } = await ctx.store.get(decodePath(path));
    const source = memorySource(path, bytes);
    const rows = await Array.fromAsync(readRows(source, await readFooter(source)));
    files.push(rows.map((row) => Number(row['id'])));
  }
  return files;
}

/** The context, with a step that runs once, before the first put of the commit of `version`. */
function interrupted(ctx: TableContext, step: () => Promise<unknown>): TableContext {
  let waiting = true;
  const store: ObjectStore = new Proxy(ctx.store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      if (name !== 'put')
        return (...args: unknown[]): unknown => Reflect.apply(value, target, args);
      return async (...args: readonly unknown[]): Promise<unknown> => {
        if (waiting && String(args[0]).endsWith('.json')) {
          waiting = false;
          await step();
        }
        return Reflect.apply(value, target, args) as unknown;
      };
    },
  });
  return { ...ctx, store };
}

describe.each(['memory', 'disk'] as const)('optimize (%s)', (kind) => {
  test('small files of each partition become one, with the same rows and their statistics', async () => {
    await withBench(kind, async (bench) => {
      const start = await small(bench, 12);
      const before = await rowsOf(bench, start);
      const result = await optimize(bench.ctx, start);
      expect(result).toMatchObject({
        kind: 'committed',
        commitCount: 1,
        filesAdded: 3,
        filesRemoved: 12,
        binsLost: 0,
        postCommitErrors: [],
      });
      expect(await rowsOf(bench, result.snapshot)).toEqual(before);
      expect(await rowsOf(bench, await openSnapshot(bench.ctx, { version: 12 }))).toEqual(before);
      for (const { stats, dataChange } of result.snapshot.files()) {
        expect(dataChange).toBe(false);
        const statistics = parseStatistics(stats, result.snapshot.schema);
        expect(statistics?.columns.get('id')?.nullCount).toBe(0);
        expect([3, 6]).toContain(statistics?.rowCount);
      }
      expect(await optimize(bench.ctx, result.snapshot)).toMatchObject({ kind: 'unchanged' });
    });
  });

  test('the commit says what Spark says, and changes no data', async () => {
    await withBench(kind, async (bench) => {
      const start = await small(bench, 8);
      const { snapshot } = await optimize(bench.ctx, start, { where: "parte = 'p'" });
      const actions = await commitOf(bench, snapshot.version);
      const [info, ...files] = actions;
      const adds = files.flatMap((action) => (action.kind === 'add' ? [action.add] : []));
      const removes = files.flatMap((action) => (action.kind === 'remove' ? [action.remove] : []));
      const size = String(adds[0]?.size);
      expect(info).toMatchObject({
        commitInfo: {
          operation: 'OPTIMIZE',
          operationParameters: { predicate: `["parte = 'p'"]`, zOrderBy: '[]', auto: 'false' },
          isolationLevel: 'SnapshotIsolation',
          isBlindAppend: false,
          operationMetrics: {
            numRemovedFiles: '2',
            numAddedFiles: '1',
            numAddedBytes: size,
            minFileSize: size,
            p50FileSize: size,
            maxFileSize: size,
            numDeletionVectorsRemoved: '0',
          },
        },
      });
      expect(adds).toHaveLength(1);
      expect(removes).toHaveLength(2);
      for (const file of [...adds, ...removes]) {
        expect(file).toMatchObject({ dataChange: false, partitionValues: { parte: 'p' } });
      }
    });
  });

  test('rows keep the order of their files, or are sorted, nulls first', async () => {
    await withBench(kind, async (bench) => {
      const start = await numbers(bench, [[5, 1], [9, 2], [3]]);
      const kept = await optimize(bench.ctx, start, { dryRun: true });
      expect(kept).toMatchObject({ kind: 'planned', filesAdded: 1, filesRemoved: 3 });
      expect(kept.snapshot.version).toBe(start.version);
      const { snapshot } = await optimize(bench.ctx, start);
      expect(await idsOf(bench, snapshot)).toEqual([[5, 1, 9, 2, 3]]);
      const more = await appended(bench, snapshot, [{ id: null }, { id: 4n }]);
      const sorted = await optimize(bench.ctx, more, { sortBy: ['ID'] });
      expect(await idsOf(bench, sorted.snapshot)).toEqual([[0, 1, 2, 3, 4, 5, 9]]);
    });
  });
});

test('sorting by what is no column, or holds no single values, is refused before anything is read', async () => {
  await withBench('memory', async (bench) => {
    const start = await small(bench, 2, []);
    await expect(optimize(bench.ctx, start, { sortBy: ['nada'] })).rejects.toMatchObject({
      code: 'COLUMN_UNKNOWN',
    });
    await expect(optimize(bench.ctx, start, { sortBy: ['lista'] })).rejects.toMatchObject({
      code: 'OPTIMIZE_INVALID',
    });
  });
});

test('the manifest of a partition names the new file alone', async () => {
  await withBench('disk', async (bench) => {
    let snapshot = await tableOf(bench, 'id bigint, parte string', {
      partitionBy: ['parte'],
      properties: { 'delta.compatibility.symlinkFormatManifest.enabled': 'true' },
    });
    for (let id = 0n; id < 3n; id += 1n) {
      snapshot = await appended(bench, snapshot, [{ id, parte: 'a:b' }]);
    }
    const result = await optimize(bench.ctx, snapshot);
    expect(result.postCommitErrors).toEqual([]);
    const [file] = result.snapshot.files();
    const manifests = (await dataFiles(bench)).filter((path) => path.endsWith('/manifest'));
    expect(manifests).toHaveLength(1);
    const { bytes } = await bench.ctx.store.get(manifests[0] ?? '');
    const lines = Buffer.from(bytes).toString().trim().split('\n');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain((file?.path ?? '?').split('/').at(-1));
  });
});

describe('beside other writers', () => {
  test('an append in between is no conflict', async () => {
    await withBench('memory', async (bench) => {
      const start = await numbers(bench, [[1], [2], [3]]);
      const ctx = interrupted(bench.ctx, () => append(bench.ctx, start, { rows: [{ id: 4n }] }));
      const result = await optimize(ctx, start);
      expect(result).toMatchObject({ filesAdded: 1, filesRemoved: 3, commitCount: 1 });
      expect(result.snapshot.version).toBe(5);
      expect(await idsOf(bench, result.snapshot)).toEqual([[4], [1, 2, 3]]);
    });
  });

  test('a bin of which a merge took a file is packed again without it, the others are committed', async () => {
    await withBench('memory', async (bench) => {
      let start = await tableOf(bench, 'p int, id bigint, n int', { partitionBy: ['p'] });
      for (let id = 0; id < 6; id += 1) {
        start = await appended(bench, start, [{ p: id % 2, id: BigInt(id), n: 0 }]);
      }
      const ctx = interrupted(bench.ctx, () =>
        merge(bench.ctx, start, {
          source: { rows: [{ p: 1, id: 3n, n: 1 }] },
          on: 't.id = s.id',
          whenMatched: [{ update: '*' }],
        }),
      );
      const result = await optimize(ctx, start);
      expect(result).toMatchObject({ commitCount: 2, filesRemoved: 5, filesAdded: 2, binsLost: 0 });
      const latest = await openSnapshot(bench.ctx);
      expect((await idsOf(bench, latest)).toSorted(([a = 0], [b = 0]) => a - b)).toEqual([
        [0, 2, 4],
        [1, 5],
        [3],
      ]);
      const rows = await rowsOf(bench, latest);
      expect(rows.map(({ id, n }) => [id, n])).toContainEqual([3n, 1]);
      expect(rows).toHaveLength(6);
      // What was written for the lost bin is gone; what the table had before stays for older versions.
      expect(await dataFiles(bench)).toHaveLength(6 + 1 + 2);
    });
  });

  test('where others took everything, nothing is committed and nothing stays behind', async () => {
    await withBench('memory', async (bench) => {
      const start = await numbers(bench, [[1], [2]]);
      const paths = Array.from(start.files(), ({ path }) => path);
      const ctx = interrupted(bench.ctx, () =>
        commitTransaction(bench.ctx, start, {
          operation: 'DELETE',
          actions: paths.map((path) => removeAction(path)),
          reads: { kind: 'table' },
        }),
      );
      expect(await optimize(ctx, start)).toMatchObject({ kind: 'unchanged', binsLost: 0 });
      expect((await dataFiles(bench)).toSorted()).toEqual(paths.toSorted());
    });
  });

  test('a changed schema makes the files be written anew', async () => {
    await withBench('memory', async (bench) => {
      const start = await numbers(bench, [[1], [2]]);
      const { metadata } = start;
      const ctx = interrupted(bench.ctx, () =>
        commitTransaction(bench.ctx, start, {
          operation: 'ADD COLUMNS',
          actions: [
            {
              kind: 'metaData',
              metaData: {
                ...metadata,
                schemaString: metadata.schemaString.replace(
                  ']}',
                  ',{"name":"x","type":"string","nullable":true,"metadata":{}}]}',
                ),
              },
            },
          ],
          reads: { kind: 'nothing' },
        }),
      );
      const result = await optimize(ctx, start);
      expect(result).toMatchObject({ kind: 'committed', filesRemoved: 2, filesAdded: 1 });
      expect(await rowsOf(bench, result.snapshot)).toEqual([
        { id: 1n, x: null },
        { id: 2n, x: null },
      ]);
    });
  });

  test('an aborted signal stops it: nothing is committed, and nothing stays behind', async () => {
    await withBench('memory', async (bench) => {
      const start = await numbers(bench, [[1], [2]]);
      const signal = AbortSignal.abort(new Error('basta'));
      await expect(optimize(bench.ctx, start, { signal })).rejects.toThrow('basta');
      expect((await openSnapshot(bench.ctx)).version).toBe(start.version);
      expect(await dataFiles(bench)).toHaveLength(2);
    });
  });

  test('an append-only table may be packed', async () => {
    await withBench('memory', async (bench) => {
      let snapshot = await tableOf(bench, 'id bigint', {
        properties: { 'delta.appendOnly': 'true' },
      });
      for (const id of [1n, 2n]) snapshot = await appended(bench, snapshot, [{ id }]);
      expect(await optimize(bench.ctx, snapshot)).toMatchObject({ kind: 'committed' });
    });
  });
});

test('files of large row groups are copied byte for byte', async () => {
  await withBench('disk', async (bench) => {
    let snapshot = await tableOf(bench, 'id bigint, nome string, lista array<int>');
    const uris = await Promise.all(
      [0, 1].map((file) =>
        bench.parquet(
          `grande-${file}.parquet`,
          `SELECT range::BIGINT AS id, 'n' || range AS nome, [range::INT] AS lista FROM range(${file * 200_000}, ${file * 200_000 + 122_880})`,
          ', ROW_GROUP_SIZE 122880',
        ),
      ),
    );
    snapshot = (await append(bench.ctx, snapshot, { parquet: uris })).snapshot;
    const inputs = await Promise.all(
      [0, 1].map((file) => readFile(join(bench.folder, `grande-${file}.parquet`))),
    );
    const result = await optimize(bench.ctx, snapshot);
    expect(result).toMatchObject({ filesRemoved: 2, filesAdded: 1 });
    const [file] = result.snapshot.files();
    const { bytes } = await bench.ctx.store.get(decodePath(file?.path ?? ''));
    const footer = await readFooter(memorySource('packed', bytes));
    expect(footer.rowGroups.map(({ rowCount }) => rowCount)).toEqual([122_880, 122_880]);
    for (const input of inputs) {
      const { rowGroups } = await readFooter(memorySource('input', input));
      const [first] = rowGroups[0]?.columns ?? [];
      const { start = 0, sizeBytes = 0 } = first ?? {};
      expect(Buffer.from(bytes).includes(input.subarray(start, start + sizeBytes))).toBe(true);
    }
    const statistics = parseStatistics(file?.stats, result.snapshot.schema);
    expect(statistics?.rowCount).toBe(245_760);
    expect(statistics?.columns.get('id')).toMatchObject({ min: 0n, max: 322_879n, nullCount: 0 });
    const [sum] = await bench.session.query(
      `SELECT count(DISTINCT id) AS n, sum(id) AS s FROM read_parquet('${bench.ctx.store.localFile(decodePath(file?.path ?? '')) ?? ''}')`,
    );
    expect(sum).toMatchObject({ n: 245_760n });
  });
});

/** The row counts of the row groups of the only file, and its bytes. */
async function onlyFile(
  bench: Bench,
  snapshot: Snapshot,
): Promise<{ readonly rowCounts: readonly number[]; readonly bytes: Buffer }> {
  const [file] = snapshot.files();
  const { bytes } = await bench.ctx.store.get(decodePath(file?.path ?? ''));
  const { rowGroups } = await readFooter(memorySource('packed', bytes));
  return { rowCounts: rowGroups.map(({ rowCount }) => rowCount), bytes: Buffer.from(bytes) };
}

test('beside files of large row groups, only small ones are encoded again', async () => {
  await withBench('disk', async (bench) => {
    let snapshot = await tableOf(
      bench,
      'id bigint, nome string, valor decimal(30,2), x double, f boolean, lista array<struct<a:int>>',
    );
    const select = (from: number, count: number): string =>
      `SELECT range::BIGINT AS id, 'n' || (range % 1000) AS nome, (range / 4)::DECIMAL(30,2) AS valor,
        CASE WHEN range = 3 THEN 'nan'::DOUBLE WHEN range % 5 = 0 THEN NULL ELSE range / 3 END AS x,
        CASE WHEN range % 7 <> 0 THEN range % 2 = 0 END AS f,
        CASE range % 4 WHEN 0 THEN NULL WHEN 1 THEN [] ELSE [{a: range::INT}, NULL] END AS lista
        FROM range(${String(from)}, ${String(from + count)})`;
    for (const [index, [from, count]] of [
      [0, 10],
      [10, 300],
      [1000, 120_000],
      [200_000, 7],
      [300_000, 110_000],
    ].entries()) {
      const query = select(from ?? 0, count ?? 0);
      const uri = await bench.parquet(
        `f${String(index)}.parquet`,
        query,
        ', ROW_GROUP_SIZE 122880',
      );
      snapshot = (await append(bench.ctx, snapshot, { parquet: [uri] })).snapshot;
    }
    const before = await checksum(bench.ctx, snapshot);
    const result = await optimize(bench.ctx, snapshot);
    expect(result).toMatchObject({ filesRemoved: 5, filesAdded: 1 });
    expect(await checksum(bench.ctx, result.snapshot)).toEqual(before);
    const { rowCounts, bytes } = await onlyFile(bench, result.snapshot);
    expect(rowCounts).toEqual([310, 120_000, 7, 110_000]);
    for (const name of ['f2.parquet', 'f4.parquet']) {
      const input = await readFile(join(bench.folder, name));
      const { rowGroups } = await readFooter(memorySource('input', input));
      for (const { start, sizeBytes } of rowGroups[0]?.columns ?? []) {
        expect(bytes.includes(input.subarray(start, start + sizeBytes))).toBe(true);
      }
    }
    const [file] = result.snapshot.files();
    const columns = parseStatistics(file?.stats, result.snapshot.schema)?.columns;
    expect(columns?.get('id')).toMatchObject({ min: 0n, max: 409_999n, nullCount: 0 });
    // A NaN is above all bounds, so that there are none.
    expect(columns?.get('x')).toMatchObject({ min: null, max: null });
  });
});

test('files whose footers are longer than what is read with them keep their bounds', async () => {
  await withBench('disk', async (bench) => {
    const names = Array.from({ length: 1300 }, (_, index) => `uma_coluna_de_nome_longo_${index}`);
    const properties = { 'delta.dataSkippingNumIndexedCols': '1' };
    let snapshot = await tableOf(bench, names.map((name) => `${name} string`).join(', '), {
      properties,
    });
    const keys = Array.from({ length: 24 }, (_, file) => `chave ${(file * 7) % 24}`.padEnd(9, '_'));
    for (const key of keys) {
      snapshot = await appended(bench, snapshot, [
        Object.fromEntries(names.map((name) => [name, key])),
      ]);
    }
    const packed = (await optimize(bench.ctx, snapshot, {})).snapshot;
    const [file] = [...packed.files()];
    const statistics = parseStatistics(file?.stats, packed.schema);
    const sorted = keys.toSorted();
    expect(statistics?.columns.get(names[0] ?? '')).toMatchObject({
      min: sorted[0],
      max: sorted.at(-1),
    });
  });
});

test('files that are not alike are packed by the engine, with the same rows', async () => {
  await withBench('disk', async (bench) => {
    let snapshot = await tableOf(bench, 'id bigint, nome string');
    const uris = [
      await bench.parquet('a.parquet', "SELECT 1::BIGINT AS id, 'a' AS nome"),
      await bench.parquet('b.parquet', "SELECT 'b' AS nome, 2::BIGINT AS id"),
      await bench.parquet('c.parquet', 'SELECT 3::BIGINT AS id'),
      await bench.parquet(
        'd.parquet',
        "SELECT 4::BIGINT AS id, 'd' AS nome",
        ', PARQUET_VERSION v2',
      ),
    ];
    snapshot = (await append(bench.ctx, snapshot, { parquet: uris })).snapshot;
    const rows = await rowsOf(bench, snapshot);
    const result = await optimize(bench.ctx, snapshot);
    expect(result.filesAdded).toBe(1);
    expect(await rowsOf(bench, result.snapshot)).toEqual(rows);
  });
});
