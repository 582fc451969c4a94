/** One run of real operations by its seed: what goes wrong in it, and what came of it. */

import { createHash } from 'node:crypto';

import { seededRandom } from '../../../src/base/index.ts';
import { CALM } from '../faults.ts';
import { Violation } from '../table-state.ts';
import { castOf, founder } from './actors.ts';
import { judgeEnd } from './judge.ts';
import type { Outside } from './outside.ts';
import { chooseOperationFaults, chooseOperationTerms } from './terms.ts';
import { OperationsWorld } from './world.ts';

export interface OperationsResult {
  readonly seed: number;
  readonly versions: number;
  readonly steps: number;
  /** Of everything that happened, in order. */
  readonly hash: string;
}

/**
 * Runs the verbs of `DeltaTable` as a seed says: several processes on one table in a store that fails, with a clock on which
 * days pass; `outside` is shared by runs one after another. Throws a `Violation`, which names the seed, where a rule of the table was broken.
 */
export async function simulateOperations(
  seed: number,
  outside: Outside,
): Promise<OperationsResult> {
  const random = seededRandom(seed);
  const faults = random.float() < 0.15 ? CALM : chooseOperationFaults(random);
  const world = new OperationsWorld(seed, {
    faults,
    terms: chooseOperationTerms(random),
    outside,
  });
  try {
    await world.run([founder(world)]);
    await world.run(castOf(world));
    await judgeEnd(world);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Violation(`seed ${seed}: ${why}\n${world.trace.slice(-12).join('\n')}`, {
      cause: error,
    });
  }
  const happened = [...world.trace, world.random.float()].join('\n');
  const hash = createHash('sha256').update(happened).digest('hex');
  const versions = world.ledger.versions.length;
  return { seed, versions, steps: world.scheduler.steps, hash };
}
