/**
 * Runs the simulation of `test/sim` on many seeds, over several processes: writers, readers, checkpoints, cleanup and a job
 * on a store that fails, and the rules of the table checked after each step. Prints the rate, and the seeds that break a rule.
 * With `--operations`, the verbs of tables with real files, which take some tenths of a second a seed.
 *
 *   node scripts/prove/simulation.ts [--seeds 200000] [--from 1] [--processes 2]
 *   node scripts/prove/simulation.ts --operations [--seeds 2000] [--from 1] [--processes 2]
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { parseArgs } from 'node:util';

import { Outside } from '../../test/sim/operations/outside.ts';
import { simulateOperations } from '../../test/sim/operations/simulate.ts';
import { simulate } from '../../test/sim/simulate.ts';

const { values } = parseArgs({
  options: {
    operations: { type: 'boolean', default: false },
    /** Default: 200,000; with `operations` 2,000. */
    seeds: { type: 'string' },
    from: { type: 'string', default: '1' },
    processes: { type: 'string', default: '2' },
    /** Seeds from one to the next. */
    every: { type: 'string', default: '1' },
    /** Broken seeds after which a process stops. */
    broken: { type: 'string', default: '1' },
    /** Of a process that another one started. */
    worker: { type: 'boolean', default: false },
  },
});
const seeds = Number(values.seeds ?? (values.operations ? 2_000 : 200_000));
const from = Number(values.from);
const every = Number(values.every);

/** Seeds after which a process says how far it is. */
const TELL_EVERY = values.operations ? 100 : 5_000;

/** What a process has run. */
interface Ran {
  readonly seeds: number;
  readonly versions: number;
  readonly steps: number;
  /** Seeds that broke a rule. */
  readonly broken: readonly number[];
}

if (values.worker) process.stdout.write(`${JSON.stringify(await run(from, seeds))}\n`);
else await share(Number(values.processes));

/** Runs seeds, and says what each that breaks a rule breaks; stops when these are enough. */
async function run(first: number, count: number): Promise<Ran> {
  let [ran, versions, steps] = [0, 0, 0];
  const broken: number[] = [];
  const outside = new Outside();
  while (ran < count && broken.length < Number(values.broken)) {
    const seed = first + ran * every;
    ran += 1;
    if (ran % TELL_EVERY === 0) process.stderr.write(`${ran} seeds up to ${seed}\n`);
    try {
      const result = await (values.operations ? simulateOperations(seed, outside) : simulate(seed));
      versions += result.versions;
      steps += result.steps;
    } catch (error) {
      broken.push(seed);
      process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n`);
    }
  }
  await outside.close();
  return { seeds: ran, versions, steps, broken };
}

async function share(workers: number): Promise<void> {
  const begin = Date.now();
  const each = Math.ceil(seeds / workers);
  const ends = await Promise.all(
    Array.from({ length: workers }, (_, index) =>
      start(from + index * each * every, Math.min(each, seeds - index * each)),
    ),
  );
  const seconds = (Date.now() - begin) / 1000;
  const sum = (key: 'seeds' | 'versions' | 'steps'): number =>
    ends.reduce((total, end) => total + (end?.[key] ?? 0), 0);
  const broken = ends.flatMap((end) => end?.broken ?? []);
  if (ends.includes(null) || broken.length > 0) process.exitCode = 1;
  console.log(
    `${sum('seeds')} seeds from ${from} in ${seconds.toFixed(0)} s (${(seeds / seconds).toFixed(1)}/s): ` +
      `${sum('versions')} versions, ${sum('steps')} steps, ` +
      (broken.length === 0 ? 'no rule broken' : `rules broken by ${broken.join(', ')}`),
  );
}

/** Null where the process ended without a word. */
async function start(first: number, count: number): Promise<Ran | null> {
  const options = ['--worker', '--from', String(first), '--seeds', String(count)];
  const passed = ['--every', values.every, '--broken', values.broken];
  if (values.operations) passed.push('--operations');
  const child = spawn(process.execPath, [import.meta.filename, ...options, ...passed], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.on('data', (bytes: Buffer) => {
    text += bytes.toString();
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code === null) process.stderr.write(`the process of seed ${first} on was killed\n`);
  return code === 0 ? (JSON.parse(text) as Ran) : null;
}
