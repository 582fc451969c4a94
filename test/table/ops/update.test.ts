import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import type { Row } from '../../../src/schema/index.ts';
import { append } from '../../../src/table/ops/append.ts';
import { readChanges } from '../../../src/table/ops/changes.ts';
import { deleteRows } from '../../../src/table/ops/delete.ts';
import { merge } from '../../../src/table/ops/merge.ts';
import { updateRows } from '../../../src/table/ops/update.ts';
import type { Snapshot } from '../../../src/table/types.ts';
import { cleanedAtRead } from '../context.ts';
import { type Bench, rowsOf, tableOf, text, withBench } from './write-table.ts';

const DDL = 'id bigint, p string, n int, x double, s struct<a:int,b:string>';

interface ModelRow {
  readonly id: bigint;
  readonly p: string | null;
  readonly n: number | null;
  readonly x: number | null;
  readonly s: { readonly a: number | null; readonly b: string | null } | null;
}

/** A condition in SQL, and what Spark makes of it for a row. */
type Condition = readonly [sql: string | undefined, (row: ModelRow) => boolean | null];

const CONDITIONS: readonly Condition[] = [
  [undefined, () => true],
  ['id % 3 = 0', ({ id }) => id % 3n === 0n],
  ['n > 5', ({ n }) => (n === null ? null : n > 5)],
  ['NOT (n > 5)', ({ n }) => (n === null ? null : n <= 5)],
  ['n IS NULL', ({ n }) => n === null],
  ["x = CAST('NaN' AS DOUBLE)", ({ x }) => (x === null ? null : Number.isNaN(x))],
  ['x > 1.5', ({ x }) => (x === null ? null : Number.isNaN(x) || x > 1.5)],
  ["p = 'ü/=%'", ({ p }) => (p === null ? null : p === 'ü/=%')],
  ['p IS NULL OR id > 1000', ({ p, id }) => p === null || id > 1000n],
  [
    "p IN ('a', 'b c') AND n < 3",
    ({ p, n }) => and(p === null ? null : p === 'a' || p === 'b c', n === null ? null : n < 3),
  ],
  ['s.a = 1', ({ s }) => (s === null || s.a === null ? null : s.a === 1)],
  ['id < 0', () => false],
];

function and(left: boolean | null, right: boolean | null): boolean | null {
  if (left === false || right === false) return false;
  return left === null || right === null ? null : true;
}

type Setting = readonly [set: Readonly<Record<string, string>>, (row: ModelRow) => ModelRow];

const SETTINGS: readonly Setting[] = [
  [{ n: 'n + 1' }, (row) => ({ ...row, n: row.n === null ? null : row.n + 1 })],
  [{ N: 'NULL', x: '-0.0D' }, (row) => ({ ...row, n: null, x: -0 })],
  [{ x: "CAST('NaN' AS DOUBLE)" }, (row) => ({ ...row, x: Number.NaN })],
  [
    { 's.b': "concat(coalesce(s.b, ''), '!')" },
    (row) => ({ ...row, s: { a: row.s?.a ?? null, b: `${row.s?.b ?? ''}!` } }),
  ],
  [{ p: "'a'", n: 'n' }, (row) => ({ ...row, p: 'a' })],
  [{ p: 's.b' }, (row) => ({ ...row, p: row.s?.b === '' ? null : (row.s?.b ?? null) })],
  [{ id: 'id + 100', s: 'NULL' }, (row) => ({ ...row, id: row.id + 100n, s: null })],
];

type Step =
  | { readonly kind: 'append'; readonly rows: readonly ModelRow[] }
  | { readonly kind: 'delete'; readonly condition: Condition }
  | { readonly kind: 'update'; readonly condition: Condition; readonly setting: Setting };

const modelRow: fc.Arbitrary<ModelRow> = fc.record({
  id: fc.bigInt(0n, 40n),
  p: fc.constantFrom('a', 'b c', 'ü/=%', null),
  n: fc.option(fc.integer({ min: 0, max: 9 })),
  x: fc.constantFrom(1, 2.5, Number.NaN, Number.POSITIVE_INFINITY, -0, null),
  s: fc.option(
    fc.record({
      a: fc.option(fc.integer({ min: 0, max: 2 })),
      b: fc.constantFrom('u', 'v w', null),
    }),
  ),
});

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      rows: fc.array(modelRow, { minLength: 1, maxLength: 8 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('delete' as const),
      condition: fc.constantFrom(...CONDITIONS.slice(1)),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('update' as const),
      condition: fc.constantFrom(...CONDITIONS),
      setting: fc.constantFrom(...SETTINGS),
    }),
  },
);

const SPECS = {
  plain: {},
  partitioned: { partitionBy: ['p'] },
  mapped: { partitionBy: ['p'], properties: { 'delta.columnMapping.mode': 'name' } },
  'mapped by id': { properties: { 'delta.columnMapping.mode': 'id' } },
} as const;

/** The rows, as `deltawright` gives them, in an order of their own. */
function sorted(rows: readonly Row[]): readonly string[] {
  return rows.map((row) => shown(row)).toSorted();
}

/** A negative zero and a NaN as texts, which JSON has none for; longs and integers alike. */
function shown(row: object): string {
  return text(
    Object.fromEntries(
      Object.entries(row).map(([name, value]) => [
        name,
        typeof value === 'number' && !Number.isFinite(value)
          ? String(value)
          : Object.is(value, -0)
            ? '-0'
            : typeof value === 'bigint'
              ? Number(value)
              : value,
      ]),
    ),
  );
}

test.each([[[]], [['p']]])(
  'a value is made for selected rows alone, partitioned by %j',
  async (partitionBy) => {
    await withBench('memory', async (bench) => {
      const rows = Array.from({ length: 5_000 }, (_, id) => ({
        id,
        name: id % 2 === 0 ? 'no number' : '7',
        p: 1,
      }));
      const empty = await tableOf(bench, 'id int, name string, p int', { partitionBy });
      const start = await append(bench.ctx, empty, { rows });
      const { snapshot } = await updateRows(bench.ctx, start.snapshot, {
        set: { p: 'cast(name as int)' },
        where: 'id % 2 = 1',
      });
      const found = await rowsOf(bench, snapshot);
      expect(found).toHaveLength(rows.length);
      expect(found.every(({ name, p }) => p === (name === '7' ? 7 : 1))).toBe(true);
    });
  },
);

describe.each(['copy-on-write', 'deletion-vectors'] as const)('by %s', (mode) => {
  test.each(Object.keys(SPECS) as readonly (keyof typeof SPECS)[])(
    'updates and deletes do what they do to an array, and tell it as changes (%s)',
    { timeout: 120_000 },
    async (name) => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(modelRow, { minLength: 1, maxLength: 12 }),
          fc.array(step, { minLength: 1, maxLength: 4 }),
          async (rows, steps) => {
            await withBench('memory', async (bench) => {
              await runProgram(bench, { name, mode, steps: [{ kind: 'append', rows }, ...steps] });
            });
          },
        ),
        { numRuns: 4, endOnFailure: true },
      );
    },
  );
});

async function runProgram(
  bench: Bench,
  {
    name,
    mode,
    steps,
  }: {
    readonly name: keyof typeof SPECS;
    readonly mode: 'copy-on-write' | 'deletion-vectors';
    readonly steps: readonly Step[];
  },
): Promise<void> {
  const spec = SPECS[name];
  let snapshot = await tableOf(bench, DDL, {
    ...spec,
    properties: {
      ...('properties' in spec ? spec.properties : {}),
      'delta.enableChangeDataFeed': 'true',
      'delta.feature.deletionVectors': 'supported',
      ...(mode === 'deletion-vectors' ? { 'delta.enableDeletionVectors': 'true' } : {}),
    },
  });
  let model: readonly ModelRow[] = [];
  for (const each of steps) {
    const before = snapshot.version;
    const { after, changes } = applied(model, each);
    snapshot = await carriedOut(bench, snapshot, each);
    model = after;
    expect(sorted(await rowsOf(bench, snapshot))).toEqual(sorted(model.map((row) => ({ ...row }))));
    if (snapshot.version === before) {
      expect(changes).toEqual([]);
      continue;
    }
    const told = await Array.fromAsync(
      readChanges(bench.ctx, snapshot, { fromVersion: snapshot.version }),
    );
    const rows = told.map(({ _commit_version: _v, _commit_timestamp: _t, ...row }) => row);
    expect(sorted(rows)).toEqual(sorted(changes));
  }
}

function applied(
  model: readonly ModelRow[],
  each: Step,
): { readonly after: readonly ModelRow[]; readonly changes: readonly Row[] } {
  const told = (row: ModelRow, type: string): Row => ({ ...row, _change_type: type });
  if (each.kind === 'append') {
    return {
      after: [...model, ...each.rows],
      changes: each.rows.map((row) => told(row, 'insert')),
    };
  }
  const selects = (row: ModelRow): boolean => each.condition[1](row) === true;
  if (each.kind === 'delete') {
    return {
      after: model.filter((row) => !selects(row)),
      changes: model.filter(selects).map((row) => told(row, 'delete')),
    };
  }
  const set = each.setting[1];
  return {
    after: model.map((row) => (selects(row) ? set(row) : row)),
    changes: model
      .filter(selects)
      .flatMap((row) => [told(row, 'update_preimage'), told(set(row), 'update_postimage')]),
  };
}

async function carriedOut(bench: Bench, snapshot: Snapshot, each: Step): Promise<Snapshot> {
  const { ctx } = bench;
  if (each.kind === 'append') {
    return (await append(ctx, snapshot, { rows: each.rows.map((row) => ({ ...row })) })).snapshot;
  }
  const [where] = each.condition;
  const options = where === undefined ? {} : { where };
  const result =
    each.kind === 'delete'
      ? await deleteRows(ctx, snapshot, options)
      : await updateRows(ctx, snapshot, { ...options, set: each.setting[0] });
  return result.snapshot;
}

test.each(['update', 'merge'] as const)(
  'a file that is gone at any read is named: %s',
  async (operation) => {
    for (let reads = 1; ; reads += 1) {
      const isDone = await withBench('memory', async (bench) => {
        const { ctx } = bench;
        let start = await tableOf(bench, 'id bigint, n int');
        start = (await append(ctx, start, { rows: [{ id: 1n, n: 1 }] })).snapshot;
        const [{ path } = { path: '' }] = [...start.files()];
        let left = reads;
        const clean = async (): Promise<void> => {
          left -= 1;
          if (left === 0) await ctx.store.delete([path]);
        };
        const beside = { ...ctx, store: cleanedAtRead(ctx.store, path, clean) };
        const change =
          operation === 'update'
            ? updateRows(beside, start, { set: { n: 'n + 1' }, where: 'id = 1' })
            : merge(beside, start, {
                source: { rows: [{ id: 1n, n: 2 }] },
                on: 't.id = s.id',
                whenMatched: [{ update: '*' }],
              });
        const failure = await change.then(
          () => null,
          (error: unknown) => error,
        );
        if (left > 0) expect(failure).toBeNull();
        else expect(failure).toMatchObject({ code: 'TABLE_FILE_MISSING' });
        return left > 0;
      });
      if (!isDone) continue;
      expect(reads).toBeGreaterThan(2);
      return;
    }
  },
);
