/** Thousands of tables that are used by many at once while everything goes wrong: `npm run prove:simulation` runs more. */

import { expect, test } from 'vitest';

import { simulate } from './simulate.ts';

const SEEDS = 2_000;
const SEEDS_TOGETHER = 100;

test.each(Array.from({ length: SEEDS / SEEDS_TOGETHER }, (_, index) => index * SEEDS_TOGETHER))(
  'no rule of the table is broken by seeds from %i on',
  async (first) => {
    let versions = 0;
    for (let seed = first; seed < first + SEEDS_TOGETHER; seed += 1) {
      versions += (await simulate(seed)).versions;
    }
    expect(versions).toBeGreaterThan(SEEDS_TOGETHER);
  },
);

test('the same seed gives the same run', async () => {
  // Small and large ones, and such with checkpoints in Parquet.
  for (const seed of [1, 2, 3, 20, 50, 100]) {
    expect(await simulate(seed)).toEqual(await simulate(seed));
  }
});
