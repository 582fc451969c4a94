/** Random programs of operations, held to a model in memory after each step: `npm run prove:differential` runs more. */

import { afterAll, beforeAll, expect, test } from 'vitest';

import { generate } from './generate.ts';
import { REGRESSIONS } from './regressions.ts';
import { runProgram } from './run.ts';
import { show } from './show.ts';
import { World } from './world.ts';

const PROGRAMS = 200;
const PROGRAMS_TOGETHER = 20;

let world: World;

beforeAll(() => {
  world = new World();
});

afterAll(() => world.close());

test.each(REGRESSIONS)('still does what it should: $name', async (program) => {
  expect((await runProgram(world, program)).failure).toBeNull();
});

test.each(
  Array.from({ length: PROGRAMS / PROGRAMS_TOGETHER }, (_, index) => index * PROGRAMS_TOGETHER),
)('tables are what the model says, by programs from seed %i on', async (first) => {
  let steps = 0;
  for (let seed = first; seed < first + PROGRAMS_TOGETHER; seed += 1) {
    const program = generate(seed);
    const ran = await runProgram(world, program);
    if (ran.failure !== null) {
      const { step, message } = ran.failure;
      expect.fail(`seed ${seed}, step ${step}: ${message}\n${show(program)}`);
    }
    steps += ran.steps;
  }
  expect(steps).toBeGreaterThan(PROGRAMS_TOGETHER);
});
