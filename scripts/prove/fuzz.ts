/**
 * Broken logs, checkpoints, deletion vectors and Parquet files, by the million: each must be refused by a code or read right, soon
 * and in bounded memory. Prints what came of them.
 *
 *   node scripts/prove/fuzz.ts [target part] [--cases 1000000] [--from 1]
 */

import { parseArgs } from 'node:util';

import { runCase, TARGETS } from '../../test/fuzz/targets.ts';

const MEMORY_BYTES_MAX = 1_500_000_000;

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
    const outcome = await runCase(name, target, seed);
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    if (seed % 1_000 === 0 && process.memoryUsage.rss() > MEMORY_BYTES_MAX) {
      throw new Error(`${name}, seed ${seed}: ${process.memoryUsage.rss()} bytes of memory`);
    }
  }
  const seconds = (Date.now() - begin) / 1000;
  const told = [...outcomes]
    .sort(([, a], [, b]) => b - a)
    .map(([what, count]) => `${what} ${count}`);
  console.log(`${name}: ${each} cases, ${(each / seconds).toFixed(0)}/s: ${told.join(', ')}`);
}
