/** Rows keep their ids, and until they are updated their commit versions, whatever moves them to other files. */

import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { unreachable } from '../../../src/base/index.ts';
import { writeCheckpoint } from '../../../src/table/checkpoint.ts';
import { openSnapshot } from '../../../src/table/open.ts';
import { append } from '../../../src/table/ops/append.ts';
import { deleteRows } from '../../../src/table/ops/delete.ts';
import { merge } from '../../../src/table/ops/merge.ts';
import { optimize, reorg } from '../../../src/table/ops/optimize.ts';
import { overwrite } from '../../../src/table/ops/overwrite.ts';
import { restore } from '../../../src/table/ops/restore.ts';
import { updateRows } from '../../../src/table/ops/update.ts';
import type { Snapshot } from '../../../src/table/types.ts';
import { DDL, type Ids, idsOf, rowsFrom, TRACKED } from './tracked-rows.ts';
import { type Bench, tableOf, text, withBench } from './write-table.ts';

/** What a step does to rows, by `id`; those that it does not name stay as they are. */
interface Step {
  readonly run: (bench: Bench, snapshot: Snapshot) => Promise<Snapshot>;
  readonly updates?: (id: number) => boolean;
  readonly deletes?: (id: number) => boolean;
  /** Goes back to the table as it was after this step; counted from 0 and around. */
  readonly restores?: number;
}

/** Ids that no row had yet go on behind it. */
let fresh = 0;

const steps: fc.Arbitrary<Step> = fc.oneof(
  fc.integer({ min: 1, max: 5 }).map((count): Step => ({
    run: async ({ ctx }, snapshot) =>
      (await append(ctx, snapshot, { rows: rowsFrom((fresh += 100), count) })).snapshot,
  })),
  fc.nat(2).map((k): Step => ({
    run: async ({ ctx }, snapshot) =>
      (await updateRows(ctx, snapshot, { set: { n: 'n + 1' }, where: `id % 3 = ${String(k)}` }))
        .snapshot,
    updates: (id) => id % 3 === k,
  })),
  fc.nat(3).map((k): Step => ({
    run: async ({ ctx }, snapshot) =>
      (await updateRows(ctx, snapshot, { set: { p: '1 - p' }, where: `id % 4 = ${String(k)}` }))
        .snapshot,
    updates: (id) => id % 4 === k,
  })),
  fc.nat(4).map((k): Step => ({
    run: async ({ ctx }, snapshot) =>
      (await deleteRows(ctx, snapshot, { where: `id % 5 = ${String(k)}` })).snapshot,
    deletes: (id) => id % 5 === k,
  })),
  fc.nat(5).map((k): Step => ({
    run: async ({ ctx }, snapshot) => {
      const known = rowsFrom(0, 24).filter(({ id }) => Number(id) % 6 >= k);
      const merged = await merge(ctx, snapshot, {
        source: { rows: [...known, ...rowsFrom((fresh += 100), 2)] },
        on: 't.id = s.id',
        whenMatched: [
          { condition: 't.id % 2 = 0', update: { n: 't.n + 1', p: '1 - t.p' } },
          { condition: 't.id % 6 = 5', delete: true },
        ],
        whenNotMatched: [{ condition: 's.id >= 100', insert: '*' }],
      });
      return merged.snapshot;
    },
    updates: (id) => id < 24 && id % 6 >= k && id % 2 === 0,
    deletes: (id) => id < 24 && id % 6 >= k && id % 6 === 5,
  })),
  fc.constantFrom<Step>(
    { run: async ({ ctx }, snapshot) => (await optimize(ctx, snapshot)).snapshot },
    {
      run: async ({ ctx }, snapshot) =>
        (await optimize(ctx, snapshot, { zOrderBy: ['n', 'id'] })).snapshot,
    },
    {
      run: async ({ ctx }, snapshot) => (await optimize(ctx, snapshot, { sortBy: ['n'] })).snapshot,
    },
    { run: async ({ ctx }, snapshot) => (await reorg(ctx, snapshot)).snapshot },
    {
      run: async ({ ctx }, snapshot) => {
        await writeCheckpoint(ctx, snapshot);
        return openSnapshot(ctx);
      },
    },
    {
      run: async ({ ctx }, snapshot) => {
        const rows = [3, 10].map((rest) => ({ id: BigInt((fresh += 100) * 7000 + rest), p: 1 }));
        return (await overwrite(ctx, snapshot, { rows }, { replaceWhere: 'id % 7 = 3' })).snapshot;
      },
      deletes: (id) => id % 7 === 3,
    },
  ),
  fc.nat(9).map((at): Step => ({
    run: (_bench, snapshot) => Promise.resolve(snapshot),
    restores: at,
  })),
);

const VECTORS = { 'delta.enableDeletionVectors': 'true' };
const CHANGES = { 'delta.enableChangeDataFeed': 'true' };

test.each([
  ['plain', {}, []],
  ['partitioned', {}, ['p']],
  ['with deletion vectors and changes recorded', { ...VECTORS, ...CHANGES }, []],
  ['with columns mapped by name, partitioned', { 'delta.columnMapping.mode': 'name' }, ['p']],
  [
    'with columns mapped by id, deletion vectors, partitioned',
    { 'delta.columnMapping.mode': 'id', ...VECTORS },
    ['p'],
  ],
] as const)(
  'a table that is %s: each row is known again after every step',
  async (_, properties, partitionBy) => {
    await fc.assert(
      fc.asyncProperty(fc.array(steps, { minLength: 2, maxLength: 7 }), async (history) => {
        await withBench('memory', async (bench) => {
          const spec = { properties: { ...TRACKED, ...properties }, partitionBy };
          let snapshot = await tableOf(bench, DDL, spec);
          for (const first of [0, 5]) {
            ({ snapshot } = await append(bench.ctx, snapshot, { rows: rowsFrom(first, 5) }));
          }
          let ids = await idsOf(bench, snapshot);
          const known: { readonly version: number; readonly ids: Ids }[] = [];
          let mark = 9n;
          for (const { run, updates, deletes, restores } of history) {
            known.push({ version: snapshot.version, ids });
            const back = restores === undefined ? undefined : known[restores % known.length];
            snapshot =
              back === undefined
                ? await run(bench, snapshot)
                : (await restore(bench.ctx, snapshot, { version: back.version })).snapshot;
            const found = await idsOf(bench, snapshot);
            if (back !== undefined) expect(found).toEqual(back.ids);
            for (const [id, [rowId, version]] of back === undefined ? found : []) {
              const before = ids.get(id);
              if (before === undefined) {
                expect(rowId).toBeGreaterThan(mark);
                expect(version).toBe(snapshot.version);
              } else if (updates?.(id) === true) {
                expect([rowId, version], text(id)).toEqual([before[0], snapshot.version]);
              } else expect([rowId, version], text(id)).toEqual(before);
            }
            for (const id of back === undefined ? ids.keys() : []) {
              expect(found.has(id), text(id)).toBe(deletes?.(id) !== true);
            }
            expect(new Set(Array.from(found.values(), ([rowId]) => rowId)).size).toBe(found.size);
            for (const [rowId] of found.values()) mark = rowId > mark ? rowId : mark;
            ids = found;
          }
        });
      }),
      { numRuns: 4 },
    );
  },
);

const GROUP_ROWS = 2048;
/** Rows of several row groups, with texts that are worth copying. */
const LARGE_SQL =
  'SELECT i AS id, (i % 2)::INTEGER AS p, 0::INTEGER AS n, md5(i::VARCHAR) || md5((-i)::VARCHAR) AS t ' +
  `FROM range(${String(GROUP_ROWS * 6 - 100)}) AS r(i)`;

/** Some rows of one row group, or of two. */
interface RangeStep {
  readonly kind: 'update' | 'delete' | 'merge';
  readonly from: number;
  readonly to: number;
}

async function changeRange(
  { ctx }: Bench,
  snapshot: Snapshot,
  { kind, from, to }: RangeStep,
): Promise<Snapshot> {
  const where = `id BETWEEN ${String(from)} AND ${String(to)}`;
  switch (kind) {
    case 'update':
      return (await updateRows(ctx, snapshot, { set: { n: 'n + 1' }, where })).snapshot;
    case 'delete':
      return (await deleteRows(ctx, snapshot, { where })).snapshot;
    case 'merge': {
      const rows = [...rowsFrom(from, to - from + 1), ...rowsFrom(100_000 + from, 1)];
      const merged = await merge(ctx, snapshot, {
        source: { rows },
        on: 't.id = s.id',
        whenMatched: [{ update: { n: 't.n + 1' } }],
        whenNotMatched: [{ insert: { id: 's.id' } }],
      });
      return merged.snapshot;
    }
    default:
      return unreachable(kind);
  }
}

const RANGES: readonly RangeStep[] = [
  { kind: 'update', from: 5, to: 20 },
  { kind: 'merge', from: 4090, to: 4100 },
  { kind: 'update', from: 9000, to: 9003 },
  { kind: 'delete', from: 7000, to: 7010 },
  { kind: 'merge', from: 3, to: 9 },
  { kind: 'delete', from: 9002, to: 9010 },
];

test('rows are known again where files are written again in part', async () => {
  await withBench('disk', async (bench) => {
    const size = `, ROW_GROUP_SIZE ${String(GROUP_ROWS)}`;
    const uri = await bench.parquet('large.parquet', LARGE_SQL, size);
    const start = await tableOf(bench, `${DDL}, t string`, { properties: TRACKED });
    let { snapshot } = await append(bench.ctx, start, { parquet: [uri] });
    const expected = new Map(await idsOf(bench, snapshot));
    for (const step of RANGES) {
      snapshot = await changeRange(bench, snapshot, step);
      for (let id = step.from; id <= step.to; id += 1) {
        const [rowId] = expected.get(id) ?? [];
        if (step.kind === 'delete') expected.delete(id);
        else if (rowId !== undefined) expected.set(id, [rowId, snapshot.version]);
      }
      const found = await idsOf(bench, snapshot);
      const wrong = Array.from(expected).filter(
        ([id, [rowId, version]]) => text(found.get(id)) !== text([rowId, version]),
      );
      expect(wrong.slice(0, 3), text(step)).toEqual([]);
    }
  });
});
