/** Broken bytes: an error with a code, or what is right, soon. `npm run prove:fuzz` runs more cases. */

import { expect, test } from 'vitest';

import { runCase, TARGETS } from './targets.ts';

const CASES = 400;

test.each(TARGETS)('$name: refused or right', async ({ name, prepare }) => {
  const target = await prepare();
  const outcomes = new Set<string>();
  for (let seed = 1; seed <= CASES; seed += 1) outcomes.add(await runCase(name, target, seed));
  expect(outcomes.size).toBeGreaterThan(1);
});
