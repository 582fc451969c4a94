/** One run by its seed: what goes wrong in it, and what came of it. */

import { createHash } from 'node:crypto';

import { seededRandom } from '../../src/base/index.ts';
import { castOf, CONTESTED, founder } from './cast.ts';
import { CALM, chooseFaults } from './faults.ts';
import { judgeEnd } from './judge.ts';
import { Violation } from './table-state.ts';
import { chooseTerms } from './terms.ts';
import { World } from './world.ts';

export interface SimResult {
  readonly seed: number;
  readonly versions: number;
  readonly steps: number;
  /** Of everything that happened, in order. */
  readonly hash: string;
}

/** Runs a seed to its end. Throws a `Violation`, which names the seed, where a rule of the table was broken. */
export async function simulate(seed: number): Promise<SimResult> {
  const random = seededRandom(seed);
  const faults = random.float() < 0.1 ? CALM : chooseFaults(random);
  const world = new World(seed, { faults, terms: chooseTerms(random, seed) });
  const { stackTraceLimit } = Error;
  // Most errors here are planned, and where they come from is a tenth of what a run costs.
  Error.stackTraceLimit = 0;
  try {
    await world.run([founder(world)]);
    await world.run(castOf(world, seed));
    await judgeEnd(world);
    judgeRows(world);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Violation(`seed ${seed}: ${why}\n${world.trace.slice(-12).join('\n')}`, {
      cause: error,
    });
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
  // What chance would bring next tells how often it was asked.
  const happened = [...world.trace, world.random.float()].join('\n');
  const hash = createHash('sha256').update(happened).digest('hex');
  const versions = world.model.versions.length;
  return { seed, versions, steps: world.scheduler.steps, hash };
}

/** What was to come exactly once came exactly once; rows may have been deleted by those who delete. */
function judgeRows({ model }: World): void {
  const inserted = new Map<string, number>();
  for (const row of model.inserted()) inserted.set(row, (inserted.get(row) ?? 0) + 1);
  const txns = model.latest?.txns;
  for (const { appId, count } of Object.values(CONTESTED)) {
    if (txns?.has(appId) !== true) continue;
    for (let version = 0; version < count; version += 1) {
      const times = inserted.get(`${appId}-${version}`) ?? 0;
      if (times !== 1) throw new Violation(`${appId} ${version} came ${times} times`);
    }
  }
  for (const [row, times] of inserted) {
    if (row.startsWith('in ') && times !== 1) throw new Violation(`${row} came ${times} times`);
  }
}
