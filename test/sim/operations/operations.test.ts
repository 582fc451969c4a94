/** Real operations side by side while everything goes wrong: `npm run prove:simulation -- --operations` runs more. */

import { afterAll, expect, test } from 'vitest';

import { Outside } from './outside.ts';
import { simulateOperations } from './simulate.ts';

const SEEDS = 12;
const SEEDS_TOGETHER = 2;
/** Of two seeds: a second or two by themselves, and much more on a machine that is busy otherwise. */
const TIMEOUT_MS = 300_000;

const outside = new Outside();

afterAll(() => outside.close());

test.each(Array.from({ length: SEEDS / SEEDS_TOGETHER }, (_, index) => index * SEEDS_TOGETHER))(
  'operations side by side break no rule of the table with seeds from %i on',
  async (first) => {
    let versions = 0;
    for (let seed = first; seed < first + SEEDS_TOGETHER; seed += 1) {
      versions += (await simulateOperations(seed, outside)).versions;
    }
    expect(versions).toBeGreaterThan(SEEDS_TOGETHER);
  },
  TIMEOUT_MS,
);

test.each([[700_035, 'a commit is cleaned up that a vacuum has listed and is about to read']])(
  'seed %i, which broke a rule once, breaks none: %s',
  async (seed) => {
    expect((await simulateOperations(seed, outside)).versions).toBeGreaterThan(0);
  },
  TIMEOUT_MS,
);
