/** Merges beside one another: those whose keys are apart pass, in a table without partitions too. */

import { describe, expect, test } from 'vitest';

import { readHistory } from '../../../src/table/history.ts';
import { append } from '../../../src/table/ops/append.ts';
import type { MergeSpec } from '../../../src/table/ops/merge-types.ts';
import { merge } from '../../../src/table/ops/merge.ts';
import { type Bench, rowsOf, tableOf, withBench } from './write-table.ts';

const UPSERT: Omit<MergeSpec, 'source'> = {
  on: 't.id = s.id',
  whenMatched: [{ update: '*' }],
  whenNotMatched: [{ insert: '*' }],
};

/** The version that the work of the newest commit rests on. */
async function readVersion({ ctx }: Bench): Promise<unknown> {
  const [newest] = await readHistory(ctx, { limit: 1 });
  return newest?.commitInfo['readVersion'];
}

describe('two merges of one version', () => {
  test.each([
    ['apart', 5, 105, 2],
    ['in one range', 5, 6, 3],
  ])('with keys %s', async (_case, first, second, restsOn) => {
    await withBench('memory', async (bench) => {
      const { ctx } = bench;
      let table = await tableOf(bench, 'id bigint, n int');
      for (const from of [0, 100]) {
        const rows = Array.from({ length: 10 }, (_, index) => ({ id: BigInt(from + index), n: 0 }));
        ({ snapshot: table } = await append(ctx, table, { rows }));
      }
      const upsert = (id: number) => {
        const rows = [
          { id: BigInt(id), n: 1 },
          { id: BigInt(id + 20), n: 2 },
        ];
        return merge(ctx, table, { ...UPSERT, source: { rows } });
      };
      await upsert(first);
      const { snapshot } = await upsert(second);
      expect(await readVersion(bench)).toBe(restsOn);
      const changed = (await rowsOf(bench, snapshot)).filter(({ n }) => n !== 0);
      expect(changed).toHaveLength(4);
    });
  });
});
