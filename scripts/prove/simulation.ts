/**
 * Runs the simulation of `test/sim` on many seeds, over several processes: writers, readers, checkpoints, cleanup and a job
 * on a store that fails, and the rules of the table checked after each step. Prints the rate, and each seed that breaks a rule.
 *
 *   node scripts/prove/simulation.ts [--seeds 200000] [--from 1] [--processes 2]
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { parseArgs } from 'node:util';

import { simulate } from '../../test/sim/simulate.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '200000' },
    from: { type: 'string', default: '1' },
    processes: { type: 'string', default: '2' },
    /** Of a process that another one started. */
    worker: { type: 'boolean', default: false },
  },
});
const [seeds, from, processes] = [values.seeds, values.from, values.processes].map(Number);
if (seeds === undefined || from === undefined || processes === undefined) process.exit(2);

if (values.worker) await run(from, seeds);
else await share(from, seeds, processes);

/** Runs seeds; stops at the first that breaks a rule. */
async function run(first: number, count: number): Promise<void> {
  let [versions, steps] = [0, 0];
  for (let seed = first; seed < first + count; seed += 1) {
    const result = await simulate(seed);
    versions += result.versions;
    steps += result.steps;
  }
  process.stdout.write(`${JSON.stringify({ versions, steps })}\n`);
}

async function share(first: number, count: number, workers: number): Promise<void> {
  const begin = Date.now();
  const each = Math.ceil(count / workers);
  const ends = await Promise.all(
    Array.from({ length: workers }, (_, index) =>
      start(first + index * each, Math.min(each, count - index * each)),
    ),
  );
  const seconds = (Date.now() - begin) / 1000;
  const sum = (key: 'versions' | 'steps'): number =>
    ends.reduce((total, end) => total + (end?.[key] ?? 0), 0);
  if (ends.includes(null)) process.exitCode = 1;
  else {
    console.log(
      `${count} seeds from ${first} in ${seconds.toFixed(0)} s (${(count / seconds).toFixed(0)}/s): ` +
        `${sum('versions')} versions, ${sum('steps')} steps, no rule broken`,
    );
  }
}

async function start(
  first: number,
  count: number,
): Promise<{ readonly versions: number; readonly steps: number } | null> {
  const options = ['--worker', '--from', String(first), '--seeds', String(count)];
  const child = spawn(process.execPath, [import.meta.filename, ...options], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.on('data', (bytes: Buffer) => {
    text += bytes.toString();
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code === null) process.stderr.write(`the process of seed ${first} on was killed\n`);
  if (code !== 0) return null;
  return JSON.parse(text) as { versions: number; steps: number };
}
