/** Row ids and commit versions through rewrites by Spark and by us, in turn: both read the same ones after each. */

import { join } from 'node:path';
import { expect, it } from 'vitest';

import { createTable, type DeltaTable, openTable, type Row } from '../../src/index.ts';
import { EngineBed } from './engine-bed.ts';

const bed = new EngineBed('row-tracking', { engines: ['spark'], fewRows: true });
const { folder } = bed;

/** Many statements on tables of a few rows take as long as they may. */
const TIMEOUT_MS = 3_600_000;

const TRACKED = { 'delta.enableRowTracking': 'true' };
const VECTORS = { 'delta.enableDeletionVectors': 'true' };
const CHANGES = { 'delta.enableChangeDataFeed': 'true' };

/** `id`, row id and commit version. */
type Tracked = readonly (readonly [id: number, rowId: number, version: number])[];

async function bySpark(uri: string, ...statements: readonly string[]): Promise<unknown> {
  const { rows } = await bed.spark.ask({
    op: 'sql',
    statements: statements.map((statement) => statement.replaceAll('{t}', `delta.\`${uri}\``)),
  });
  return rows;
}

/** What Spark reads, once it is what we read. */
async function agreed(table: DeltaTable, uri: string, step: string): Promise<Tracked> {
  await table.refresh();
  const ours: [number, number, number][] = [];
  for await (const row of table.scan({ columns: ['id'], rowTracking: true })) {
    const { id, '_metadata.row_id': rowId, '_metadata.row_commit_version': version } = row;
    ours.push([Number(id), Number(rowId), Number(version)]);
  }
  ours.sort(byId);
  const found = await bySpark(
    uri,
    'SELECT id, _metadata.row_id, _metadata.row_commit_version FROM {t}',
  );
  const theirs = Array.isArray(found) ? found.map((row: unknown[]) => row.map(Number)) : [];
  expect(theirs.toSorted(byId), step).toEqual(ours);
  expect(new Set(ours.map(([, rowId]) => rowId)).size, step).toBe(ours.length);
  return ours;
}

function byId([left = 0]: readonly number[], [right = 0]: readonly number[]): number {
  return left - right;
}

function rows(first: number, count: number): readonly Row[] {
  return Array.from({ length: count }, (_, index) => ({
    id: BigInt(first + index),
    p: (first + index) % 2 === 0 ? 'a' : 'ç/b',
    n: 0,
  }));
}

interface Step {
  readonly name: string;
  readonly run: (table: DeltaTable, uri: string) => Promise<unknown>;
  /** Rows that the step updates. Default: none. */
  readonly updates?: (id: number) => boolean;
}

function ours(name: string, run: Step['run'], updates?: Step['updates']): Step {
  return { name: `${name} by us`, run, ...(updates === undefined ? {} : { updates }) };
}

function theirs(statement: string, updates?: Step['updates']): Step {
  const run: Step['run'] = (_table, uri) => bySpark(uri, statement);
  return { name: `${statement} by Spark`, run, ...(updates === undefined ? {} : { updates }) };
}

const MERGE = `MERGE INTO {t} AS t USING (SELECT id, 'a' AS p, 5 AS n FROM range(30, 64)) AS s ON t.id = s.id
  WHEN MATCHED AND t.id % 2 = 0 THEN UPDATE SET n = s.n, p = s.p WHEN MATCHED AND t.id % 5 = 0 THEN DELETE
  WHEN NOT MATCHED THEN INSERT *`;

const STEPS: readonly Step[] = [
  ours(
    'update',
    (table) => table.update({ set: { n: 'n + 1' }, where: 'id % 7 = 1' }),
    (id) => id % 7 === 1,
  ),
  theirs('UPDATE {t} SET n = n + 1 WHERE id % 7 = 2', (id) => id % 7 === 2),
  ours('delete', (table) => table.delete({ where: 'id % 11 = 3' })),
  theirs('DELETE FROM {t} WHERE id % 11 = 4'),
  ours('optimize', (table) => table.optimize()),
  ours('append', (table) => table.append({ rows: rows(40, 5) })),
  theirs("INSERT INTO {t} VALUES (50, 'a', 0), (51, 'b', 0)"),
  ours(
    'merge',
    (table) =>
      table.merge({
        source: { rows: rows(20, 32).map((row) => ({ ...row, n: 9 })) },
        on: 't.id = s.id',
        whenMatched: [
          { condition: 't.id % 3 = 0', update: { n: 's.n', p: "'ç/b'" } },
          { condition: 't.id % 8 = 1', delete: true },
        ],
        whenNotMatched: [{ insert: '*' }],
      }),
    (id) => id >= 20 && id < 52 && id % 3 === 0,
  ),
  theirs(MERGE, (id) => id >= 30 && id < 64 && id % 2 === 0),
  ours('Z-order', (table) => table.optimize({ zOrderBy: ['n', 'id'] })),
  theirs('OPTIMIZE {t} ZORDER BY (id)'),
  ours('checkpoint', (table) => table.checkpoint()),
  ours('overwrite', (table) =>
    table.overwrite({ rows: rows(70, 1) }, { replaceWhere: 'id % 10 = 0' }),
  ),
  ours(
    'moves',
    (table) => table.update({ set: { p: "'c'" }, where: 'id % 4 = 1' }),
    (id) => id % 4 === 1,
  ),
  theirs('REORG TABLE {t} APPLY (PURGE)'),
  ours('reorg', (table) => table.reorg()),
  theirs('OPTIMIZE {t}'),
];

it.each([
  ['plain', {}, []],
  ['partitioned, with columns mapped by name', { 'delta.columnMapping.mode': 'name' }, ['p']],
  ['with deletion vectors and changes recorded', { ...VECTORS, ...CHANGES }, []],
  [
    'partitioned, with columns mapped by id and deletion vectors',
    { 'delta.columnMapping.mode': 'id', ...VECTORS },
    ['p'],
  ],
] as const)(
  'each row of a table that is %s is known again after every step',
  async (name, properties, partitionBy) => {
    const uri = join(folder, name);
    const table = await createTable(uri, {
      schema: 'id bigint, p string, n int',
      partitionBy,
      properties: { ...TRACKED, ...properties },
    });
    for (const first of [0, 15, 30]) await table.append({ rows: rows(first, 10) });
    let before = new Map((await agreed(table, uri, 'filled')).map((row) => [row[0], row]));
    for (const { name: step, run, updates } of STEPS) {
      await run(table, uri);
      const found = await agreed(table, uri, step);
      for (const row of found) {
        const [id, rowId] = row;
        const known = before.get(id);
        if (known === undefined) continue;
        if (updates?.(id) === true) expect(rowId, step).toBe(known[1]);
        else expect(row, step).toEqual(known);
      }
      before = new Map(found.map((row) => [row[0], row]));
    }
    await table.restore({ version: 3 });
    const restored = await agreed(table, uri, 'restore');
    expect(restored).toHaveLength(30);
    expect(await bed.spark.checksum({ uri })).toEqual(await table.checksum());
    await table.close();
  },
  TIMEOUT_MS,
);

it(
  'Spark reads the ids that a table with rows gets, and goes on with them',
  async () => {
    const uri = join(folder, 'afterwards');
    const table = await createTable(uri, { schema: 'id bigint, p string, n int' });
    for (const first of [0, 5]) await table.append({ rows: rows(first, 5) });
    await table.setProperties(TRACKED);
    const given = await agreed(table, uri, 'enabled');
    expect(given.map(([, rowId]) => rowId).toSorted((a, b) => a - b)).toEqual(
      given.map((_, i) => i),
    );
    await bySpark(uri, 'DELETE FROM {t} WHERE id = 1', 'OPTIMIZE {t}');
    expect(await agreed(table, uri, 'packed by Spark')).toEqual(given.filter(([id]) => id !== 1));
    await table.dropFeature('rowTracking');
    await bySpark(uri, "ALTER TABLE {t} SET TBLPROPERTIES ('delta.enableRowTracking' = 'true')");
    await table.append({ rows: rows(10, 2) });
    await agreed(table, uri, 'enabled again by Spark');
    await table.close();
  },
  TIMEOUT_MS,
);

it(
  'a shallow clone has ids of its own, which Spark reads too',
  async () => {
    const uri = join(folder, 'source');
    const table = await createTable(uri, {
      schema: 'id bigint, p string, n int',
      properties: TRACKED,
    });
    for (const first of [0, 5]) await table.append({ rows: rows(first, 5) });
    await table.update({ set: { n: '1' }, where: 'id > 2' });
    const copy = join(folder, 'clone');
    await table.clone(copy, { kind: 'shallow' });
    const cloned = await openTable(copy);
    await agreed(cloned, copy, 'cloned');
    await cloned.update({ set: { n: '2' }, where: 'id = 4' });
    await agreed(cloned, copy, 'changed');
    await Promise.all([table.close(), cloned.close()]);
  },
  TIMEOUT_MS,
);
