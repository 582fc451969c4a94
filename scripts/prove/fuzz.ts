/**
 * Broken logs, checkpoints, deletion vectors and Parquet files, by the million: each must be refused by a code or read right, soon
 * and in bounded memory. Prints what came of them, and each case that was neither; then the exit code is 1.
 *
 *   node scripts/prove/fuzz.ts [target part] [--cases 1000000] [--from 1]
 */

import { parseArgs } from 'node:util';

import { runCase, TARGETS } from '../../test/fuzz/targets.ts';

const MEMORY_BYTES_MAX = 1_500_000_000;
/** Failures of one target after which it is given up. */
const FAILURES_MAX = 20;
const FAILED = 'FAILED';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    cases: { type: 'string', default: '1000000' },
    from: { type: 'string', default: '1' },
  },
});
const [part = ''] = positionals;
const chosen = TARGETS.filter(({ name }) => name.includes(part));
const each = Math.ceil(Number(values.cases) / chosen.length);
const first = Number(values.from);
for (const { name, prepare } of chosen) {
  const target = await prepare();
  const outcomes = new Map<string, number>();
  const begin = Date.now();
  for (let seed = first; seed < first + each; seed += 1) {
    const outcome = await runCase(name, target, seed).catch((error: unknown) => {
      console.log(String(error));
      process.exitCode = 1;
      return FAILED;
    });
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    if (outcomes.get(FAILED) === FAILURES_MAX) break;
    if (seed % 1_000 === 0 && process.memoryUsage.rss() > MEMORY_BYTES_MAX) {
      throw new Error(`${name}, seed ${seed}: ${process.memoryUsage.rss()} bytes of memory`);
    }
  }
  const seconds = (Date.now() - begin) / 1000;
  const told = [...outcomes]
    .sort(([, a], [, b]) => b - a)
    .map(([what, count]) => `${what} ${count}`);
  const count = [...outcomes.values()].reduce((sum, some) => sum + some, 0);
  console.log(`${name}: ${count} cases, ${(count / seconds).toFixed(0)}/s: ${told.join(', ')}`);
}
