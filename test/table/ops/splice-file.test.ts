import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { Table } from 'apache-arrow';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { present } from '../../../src/base/index.ts';
import { literal } from '../../../src/engine/index.ts';
import {
  type Codec,
  memorySource,
  readFooter,
  readParquet,
  writeParquet,
} from '../../../src/parquet/index.ts';
import { decodePath } from '../../../src/schema/index.ts';
import { append } from '../../../src/table/ops/append.ts';
import { readChanges } from '../../../src/table/ops/changes.ts';
import { deleteRows } from '../../../src/table/ops/delete.ts';
import { merge } from '../../../src/table/ops/merge.ts';
import { scanRows } from '../../../src/table/ops/scan.ts';
import { updateRows } from '../../../src/table/ops/update.ts';
import type { Snapshot } from '../../../src/table/types.ts';
import { type Bench, tableOf, text, withBench } from './write-table.ts';

const DDL =
  'id bigint, nome string, uf string, valor decimal(25,2), x double, lista array<string>, ' +
  'ponto struct<a:int,b:string>, mapa map<string,int>, par struct<d:decimal(25,2)>';
const GROUP_ROWS = 2048;
const GROUPS = 8;

/** Rows with nulls, a NaN, nested columns, and few different values in some of them. */
const ROWS_SQL =
  `SELECT i AS id, CASE WHEN i % 11 <> 3 THEN md5(i::VARCHAR) || md5((i + 1)::VARCHAR) END AS nome, ` +
  `['SP', 'RJ', NULL][1 + i % 3] AS uf, CASE WHEN i % 7 <> 5 THEN (i * 1.25)::DECIMAL(25,2) END AS valor, ` +
  `CASE WHEN i = 9000 THEN 'NaN'::DOUBLE WHEN i % 8 <> 2 THEN i / 3 END AS x, ` +
  `CASE WHEN i % 5 <> 1 THEN ['a', NULL, md5(i::VARCHAR)][:i % 4] END AS lista, ` +
  `CASE WHEN i % 6 <> 2 THEN {'a': i::INTEGER, 'b': md5((i * 3)::VARCHAR)} END AS ponto, ` +
  `CASE WHEN i % 9 <> 4 THEN MAP {'k': i::INTEGER, 'l': NULL} END AS mapa, ` +
  `{'d': (i % 5)::DECIMAL(25,2)} AS par ` +
  `FROM range(${String(GROUP_ROWS * GROUPS - 100)}) AS r(i)`;

/** The engine's file, or the same rows as they are written here, with decimals of another width. */
type Writer = 'engine' | 'own';

/** A table over one file of several row groups, where columns are not mapped. */
async function filled(
  bench: Bench,
  writer: Writer,
  properties: Readonly<Record<string, string>> = {},
): Promise<Snapshot> {
  const size = `, ROW_GROUP_SIZE ${String(GROUP_ROWS)}`;
  let uri = await bench.parquet('engine.parquet', ROWS_SQL, size);
  if (writer === 'own') {
    const source = memorySource('rows', await readFile(join(bench.folder, 'engine.parquet')));
    const batches = await Array.fromAsync(readParquet(source, await readFooter(source)));
    const bytes = await writeParquet(new Table(batches), { rowGroupRowsMax: GROUP_ROWS });
    await bench.text('own.parquet', bytes);
    uri = uri.replace('engine.parquet', 'own.parquet');
  }
  const start = await tableOf(bench, DDL, { properties });
  return (await append(bench.ctx, start, { parquet: [uri] })).snapshot;
}

async function fileBytes({ ctx }: Bench, snapshot: Snapshot): Promise<Uint8Array> {
  const [file, ...more] = [...snapshot.files()];
  expect(more).toEqual([]);
  return (await ctx.store.get(decodePath(present(file, 'a file').path))).bytes;
}

/** The rows of the only file in their order, as the engine reads it. */
async function rowsInOrder(bench: Bench, snapshot: Snapshot): Promise<readonly string[]> {
  const local = join(bench.folder, 'read.parquet');
  await writeFile(local, await fileBytes(bench, snapshot));
  const rows = await bench.session.query(`SELECT * FROM read_parquet(${literal(local)})`);
  return rows.map(text);
}

/** Which columns of which row groups have the bytes of some chunk of the file before: one line for each row group. */
async function copied(before: Uint8Array, after: Uint8Array): Promise<readonly string[]> {
  const known = new Set((await chunksOf(before)).flat().map(({ pages }) => pages));
  return (await chunksOf(after)).map((chunks) => {
    const names = chunks.filter(({ pages }) => known.has(pages)).map(({ name }) => name);
    return [...new Set(names)].join(' ');
  });
}

async function chunksOf(
  bytes: Uint8Array,
): Promise<readonly (readonly { readonly name: string; readonly pages: string }[])[]> {
  const { rowGroups } = await readFooter(memorySource('file', bytes));
  return rowGroups.map(({ columns }) =>
    columns.map(({ path, start, sizeBytes }) => ({
      name: path[0] ?? '',
      pages: Buffer.from(bytes.subarray(start, start + sizeBytes)).toString('latin1'),
    })),
  );
}

const COLUMNS = 'id nome uf valor x lista ponto mapa par';
const without = (...names: readonly string[]): string =>
  COLUMNS.split(' ')
    .filter((name) => !names.includes(name))
    .join(' ');

type Step =
  | { readonly kind: 'delete'; readonly where: string }
  | {
      readonly kind: 'update';
      readonly where: string;
      readonly set: Readonly<Record<string, string>>;
    };

const place = fc.integer({ min: 0, max: GROUP_ROWS * GROUPS });
const where = fc.oneof(
  place.map((from) => `id BETWEEN ${String(from)} AND ${String(from + 50)}`),
  place.map((from) => `id < ${String(from)}`),
  place.map((remainder) => `id % 3001 = ${String(remainder % 3001)}`),
  place.map((from) => `ponto.a > ${String(from)} AND uf IS NULL`),
  fc.constantFrom('id < 2048', 'id BETWEEN 2048 AND 6143 OR x IS NULL AND id > 12000'),
);
const set = fc.constantFrom<Readonly<Record<string, string>>[]>(
  { x: 'x + 1' },
  { valor: 'valor + 1' },
  { uf: "'MG'", lista: 'NULL' },
  { 'ponto.b': "'novo'" },
  { mapa: 'NULL', x: '-0.0D' },
);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('delete' as const), where }),
  fc.record({ kind: fc.constant('update' as const), where, set }),
);

/** With a codec that was asked for and that the file has not, it is written as a whole. */
async function taken(
  { ctx }: Bench,
  snapshot: Snapshot,
  { it, codec }: { readonly it: Step; readonly codec?: Codec },
): Promise<Snapshot> {
  const { where: condition } = it;
  const options = {
    where: condition,
    mode: 'copy-on-write' as const,
    ...(codec === undefined ? {} : { codec }),
  };
  const result =
    it.kind === 'delete'
      ? await deleteRows(ctx, snapshot, options)
      : await updateRows(ctx, snapshot, { ...options, set: it.set });
  return result.snapshot;
}

test('a file spliced has the rows, in their order, and the statistics of one written as a whole', async () => {
  const cases = fc.record({
    kind: fc.constantFrom('memory' as const, 'disk' as const),
    writer: fc.constantFrom<Writer[]>('engine', 'own'),
    hidden: fc.option(where),
    steps: fc.array(step, { minLength: 1, maxLength: 2 }),
  });
  await fc.assert(
    fc.asyncProperty(cases, async ({ kind, writer, hidden, steps }) => {
      const run = (codec?: Codec): Promise<unknown> =>
        withBench(kind, async (bench) => {
          let snapshot = await filled(bench, writer, { 'delta.enableDeletionVectors': 'true' });
          if (hidden !== null) {
            ({ snapshot } = await deleteRows(bench.ctx, snapshot, { where: hidden }));
          }
          for (const it of steps) {
            snapshot = await taken(bench, snapshot, {
              it,
              ...(codec === undefined ? {} : { codec }),
            });
          }
          if ([...snapshot.files()].length === 0) return null;
          return {
            inOrder: await rowsInOrder(bench, snapshot),
            scanned: (await Array.fromAsync(scanRows(bench.ctx, snapshot))).map(text),
            stats: [...snapshot.files()].map(({ stats }) => stats),
          };
        });
      expect(await run()).toEqual(await run('zstd'));
    }),
    { numRuns: 4, endOnFailure: true },
  );
}, 180_000);

describe.each(['memory', 'disk'] as const)('in a table (%s)', (kind) => {
  test('an update copies all but the columns that change, and these where no row changes', async () => {
    await withBench(kind, async (bench) => {
      const start = await filled(bench, 'engine');
      const { snapshot } = await updateRows(bench.ctx, start, {
        where: 'id = 5000',
        set: { x: '7', uf: "'MG'" },
      });
      const [before, after] = [await fileBytes(bench, start), await fileBytes(bench, snapshot)];
      const groups = Array.from({ length: GROUPS }, (_, number) =>
        number === 2 ? without('x', 'uf') : COLUMNS,
      );
      expect(await copied(before, after)).toEqual(groups);
    });
  });

  test('a decimal that the engine lays out in another way is laid out as the file has it', async () => {
    await withBench(kind, async (bench) => {
      const start = await filled(bench, 'own');
      const { snapshot } = await updateRows(bench.ctx, start, {
        where: 'id = 5000',
        set: { valor: '-valor' },
      });
      const [before, after] = [await fileBytes(bench, start), await fileBytes(bench, snapshot)];
      const groups = Array.from({ length: GROUPS }, (_, number) =>
        number === 2 ? without('valor') : COLUMNS,
      );
      expect(await copied(before, after)).toEqual(groups);
      const [row] = await Array.fromAsync(scanRows(bench.ctx, snapshot, { where: 'id = 5000' }));
      expect(row?.['valor']).toBe('-6250.00');
    });
  });

  test('a column that cannot be laid out as the file has it changes in all row groups', async () => {
    await withBench(kind, async (bench) => {
      const start = await filled(bench, 'own');
      const { snapshot } = await updateRows(bench.ctx, start, {
        where: 'id = 5000',
        set: { 'par.d': 'NULL' },
      });
      const [before, after] = [await fileBytes(bench, start), await fileBytes(bench, snapshot)];
      expect(await copied(before, after)).toEqual(
        Array.from({ length: GROUPS }, () => without('par')),
      );
    });
  });

  test('a delete copies the row groups that lose no row, and drops those that lose all', async () => {
    await withBench(kind, async (bench) => {
      const start = await filled(bench, 'engine');
      const { snapshot } = await deleteRows(bench.ctx, start, {
        where: 'id BETWEEN 2048 AND 4095 OR id = 9001',
      });
      const [before, after] = [await fileBytes(bench, start), await fileBytes(bench, snapshot)];
      const groups = Array.from({ length: GROUPS - 1 }, (_, number) =>
        number === 3 ? '' : COLUMNS,
      );
      expect(await copied(before, after)).toEqual(groups);
    });
  });

  test('rows that a vector hides go, and with them what is beside them in their row groups', async () => {
    await withBench(kind, async (bench) => {
      const start = await filled(bench, 'engine', { 'delta.enableDeletionVectors': 'true' });
      const hidden = await deleteRows(bench.ctx, start, { where: 'id = 1' });
      const { snapshot } = await updateRows(bench.ctx, hidden.snapshot, {
        where: 'id = 5000',
        set: { x: '7' },
        mode: 'copy-on-write',
      });
      const [before, after] = [await fileBytes(bench, start), await fileBytes(bench, snapshot)];
      const groups = Array.from({ length: GROUPS }, (_, number) =>
        // Columns whose nulls and few values happen to be encoded alike again.
        number === 0 ? '' : number === 2 ? 'uf valor mapa par' : COLUMNS,
      );
      expect(await copied(before, after)).toEqual(groups);
      expect([...snapshot.files()][0]?.deletionVector).toBeUndefined();
    });
  });

  test('a merge splices by column where it only updates, in the order of the rows, and by row group where it deletes', async () => {
    await withBench(kind, async (bench) => {
      const start = await filled(bench, 'engine');
      const source = { rows: [3n, 700n, 4000n].map((id) => ({ id })) };
      const updated = await merge(bench.ctx, start, {
        source,
        on: 't.id = s.id',
        whenMatched: [{ update: { uf: "'MG'" } }],
      });
      const [before, after] = [
        await fileBytes(bench, start),
        await fileBytes(bench, updated.snapshot),
      ];
      const changed = (number: number): boolean => number < 2;
      expect(await copied(before, after)).toEqual(
        Array.from({ length: GROUPS }, (_, number) => (changed(number) ? without('uf') : COLUMNS)),
      );
      const expected = await rowsInOrder(bench, start);
      const inOrder = await rowsInOrder(bench, updated.snapshot);
      expect(inOrder.filter((row, index) => row !== expected[index])).toHaveLength(3);
      const deleted = await merge(bench.ctx, updated.snapshot, {
        source,
        on: 't.id = s.id',
        whenMatched: [{ condition: 't.id < 1000', delete: true }, { update: { uf: "'ES'" } }],
      });
      const last = await fileBytes(bench, deleted.snapshot);
      expect(await copied(after, last)).toEqual(
        Array.from({ length: GROUPS }, (_, number) => (changed(number) ? '' : COLUMNS)),
      );
      const rows = await Array.fromAsync(
        scanRows(bench.ctx, deleted.snapshot, { where: "uf = 'ES'" }),
      );
      expect(rows.map(({ id }) => id)).toEqual([4000n]);
    });
  });

  test.each(['name', 'id'])(
    'columns that are mapped by %s keep their names and ids',
    async (mode) => {
      await withBench(kind, async (bench) => {
        const start = await filled(bench, 'engine', { 'delta.columnMapping.mode': mode });
        const { snapshot } = await updateRows(bench.ctx, start, {
          where: 'id % 9 = 2',
          set: { x: '7', 'ponto.a': '1' },
        });
        const [before, after] = [await fileBytes(bench, start), await fileBytes(bench, snapshot)];
        const [old, now] = await Promise.all(
          [before, after].map((bytes) => readFooter(memorySource('f', bytes))),
        );
        expect(now?.columns).toEqual(old?.columns);
        const names = (await copied(before, after)).map((line) => line.split(' ').length);
        expect(names).toEqual([7]);
        const rows = await Array.fromAsync(
          scanRows(bench.ctx, snapshot, { where: 'ponto.a = 1 AND x = 7' }),
        );
        expect(rows.every(({ id }) => typeof id === 'bigint' && id % 9n === 2n)).toBe(true);
      });
    },
  );

  test('changes are told as they are where a file is written again as a whole', async () => {
    await withBench(kind, async (bench) => {
      const start = await filled(bench, 'engine', { 'delta.enableChangeDataFeed': 'true' });
      const { snapshot } = await updateRows(bench.ctx, start, {
        where: 'id = 5000',
        set: { uf: "'MG'" },
      });
      const changes = readChanges(bench.ctx, snapshot, { fromVersion: snapshot.version });
      const told = (await Array.fromAsync(changes)).map((row) => [
        row['_change_type'],
        row['id'],
        row['uf'],
      ]);
      expect(told).toEqual([
        ['update_preimage', 5000n, null],
        ['update_postimage', 5000n, 'MG'],
      ]);
    });
  });
});

test.each([
  ['rows of all row groups go', 'id % 100 = 7', undefined],
  ['another codec was asked for', 'id = 7', 'zstd'],
] as const)('a file is written as a whole where %s', async (_, condition, codec) => {
  await withBench('disk', async (bench) => {
    const start = await filled(bench, 'engine');
    const it: Step = { kind: 'delete', where: condition };
    const snapshot = await taken(bench, start, { it, ...(codec === undefined ? {} : { codec }) });
    const [before, after] = [await fileBytes(bench, start), await fileBytes(bench, snapshot)];
    expect((await copied(before, after)).join('')).toBe('');
  });
});
