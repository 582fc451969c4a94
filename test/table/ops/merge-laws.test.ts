import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { parseDdl, type Row } from '../../../src/schema/index.ts';
import type { CreateSpec } from '../../../src/table/create.ts';
import { append } from '../../../src/table/ops/append.ts';
import { readChanges } from '../../../src/table/ops/changes.ts';
import { merge } from '../../../src/table/ops/merge.ts';
import type { Snapshot } from '../../../src/table/types.ts';
import { modelMerge, modelMerges, type ModelRow, modelRows, specOf } from './merge-model.ts';
import { type Bench, rowsOf, tableOf, text, withBench } from './write-table.ts';

const DDL = 'id bigint, p string, n integer';

const VECTORS = { 'delta.enableDeletionVectors': 'true' };
const CHANGES = { 'delta.enableChangeDataFeed': 'true' };
const MAPPED = { 'delta.columnMapping.mode': 'name' };

const TABLES: readonly (readonly [string, Partial<CreateSpec>])[] = [
  ['plain', {}],
  ['partitioned', { partitionBy: ['p'] }],
  ['deletion vectors, changes recorded', { properties: { ...VECTORS, ...CHANGES } }],
  [
    'partitioned, deletion vectors, columns mapped',
    { partitionBy: ['p'], properties: { ...VECTORS, ...MAPPED } },
  ],
  [
    'partitioned, changes recorded, columns mapped',
    { partitionBy: ['p'], properties: { ...CHANGES, ...MAPPED } },
  ],
];

function asRows(rows: readonly ModelRow[]): readonly Row[] {
  return rows.map((row) => ({ ...row }));
}

/** Rows before, and what the changes since then make of them. */
async function replayed(
  { ctx }: Bench,
  snapshot: Snapshot,
  { from, rows }: { readonly from: number; readonly rows: readonly string[] },
): Promise<readonly string[]> {
  const left = [...rows];
  const came: string[] = [];
  for await (const change of readChanges(ctx, snapshot, { fromVersion: from })) {
    const { _change_type: type, _commit_version: _, _commit_timestamp: __, ...row } = change;
    if (type === 'insert' || type === 'update_postimage') {
      came.push(text(row));
      continue;
    }
    const place = left.indexOf(text(row));
    expect(place, `${text(row)} goes and was not there`).toBeGreaterThanOrEqual(0);
    left.splice(place, 1);
  }
  return [...left, ...came].toSorted();
}

test.each(TABLES)(
  'does what the definition of MERGE says, whatever the clauses (%s)',
  async (_, spec) => {
    const records = spec.properties?.['delta.enableChangeDataFeed'] === 'true';
    const steps = fc.array(fc.tuple(modelRows(9), modelMerges), { minLength: 1, maxLength: 2 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(modelRows(6), { maxLength: 3 }),
        steps,
        async (files, definitions) => {
          await withBench('memory', async (bench) => {
            let snapshot = await tableOf(bench, DDL, spec);
            for (const rows of files) {
              ({ snapshot } = await append(bench.ctx, snapshot, { rows: asRows(rows) }));
            }
            let rows: readonly ModelRow[] = files.flat();
            for (const [source, definition] of definitions) {
              const expected = modelMerge(rows, source, definition);
              const merging = merge(bench.ctx, snapshot, {
                ...specOf(definition),
                source: { rows: asRows(source), schema: parseDdl(DDL) },
              });
              if (expected.kind === 'ambiguous') {
                await expect(merging).rejects.toMatchObject({ code: 'MERGE_AMBIGUOUS' });
                return;
              }
              const merged = await merging;
              const found = (await rowsOf(bench, merged.snapshot)).map(text);
              expect(found).toEqual(expected.rows.map(text).toSorted());
              if (records && merged.kind === 'committed') {
                const before = { from: merged.snapshot.version, rows: rows.map(text) };
                expect(await replayed(bench, merged.snapshot, before)).toEqual(found);
              }
              ({ snapshot } = merged);
              ({ rows } = expected);
            }
          });
        },
      ),
      { numRuns: 8 },
    );
  },
);
