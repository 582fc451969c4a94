import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { parseDdl, type Row } from '../../../src/schema/index.ts';
import { append } from '../../../src/table/ops/append.ts';
import { merge } from '../../../src/table/ops/merge.ts';
import { modelMerge, modelMerges, modelRows, specOf } from './merge-model.ts';
import { rowsOf, tableOf, text, withBench } from './write-table.ts';

const DDL = 'id bigint, p string, n integer';

function asRows(rows: readonly { readonly id: bigint | null }[]): readonly Row[] {
  return rows.map((row) => ({ ...row }));
}

test.each([['unpartitioned', []] as const, ['partitioned', ['p']] as const])(
  'does what the definition of MERGE says, whatever the clauses (%s)',
  async (_, partitionBy) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(modelRows(6), { maxLength: 3 }),
        modelRows(9),
        modelMerges,
        async (files, source, definition) => {
          await withBench('memory', async (bench) => {
            let snapshot = await tableOf(bench, DDL, { partitionBy: [...partitionBy] });
            for (const rows of files) {
              ({ snapshot } = await append(bench.ctx, snapshot, { rows: asRows(rows) }));
            }
            const expected = modelMerge(files.flat(), source, definition);
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
          });
        },
      ),
      { numRuns: 20 },
    );
  },
);
