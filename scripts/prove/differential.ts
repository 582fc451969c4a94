/**
 * Runs random programs of operations on tables beside a model in memory, over several processes, and holds the one to the other
 * after each step. What fails is printed whole, made as small as it still fails, in the form that `test/differential` keeps.
 *
 *   node scripts/prove/differential.ts [--programs 3000] [--seed 0] [--processes 2] [--engine spark]
 *
 * With `--engine spark` Spark does each step on a table of its own and reads ours, and DuckDB and delta-rs read ours at the end; one
 * Spark (of `SPARK_MEM`, by default 2 GiB) for all programs. What the others refuse is counted, and the program goes on without them.
 */

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { parseArgs } from 'node:util';

import { generate } from '../../test/differential/generate.ts';
import type { Program } from '../../test/differential/program.ts';
import { type Failure, runProgram } from '../../test/differential/run.ts';
import { show } from '../../test/differential/show.ts';
import { shrink } from '../../test/differential/shrink.ts';
import { SparkWitness } from '../../test/differential/spark.ts';
import { World } from '../../test/differential/world.ts';

const { values } = parseArgs({
  options: {
    programs: { type: 'string', default: '3000' },
    seed: { type: 'string', default: '0' },
    processes: { type: 'string', default: '2' },
    engine: { type: 'string', default: 'none' },
    /** Failing programs after which a process stops. */
    failures: { type: 'string', default: '3' },
    /** Of a process that another one started. */
    worker: { type: 'boolean', default: false },
  },
});
const programs = Number(values.programs);
const seed = Number(values.seed);

/** What a process has run. */
interface Ran {
  readonly programs: number;
  readonly steps: number;
  readonly failed: readonly number[];
  readonly cpuSeconds: number;
}

if (values.engine === 'spark') await besideSpark();
else if (values.worker) process.stdout.write(`${JSON.stringify(await run())}\n`);
else await share(Number(values.processes));

async function run(): Promise<Ran> {
  const world = new World();
  const failed: number[] = [];
  let [ran, steps] = [0, 0];
  try {
    while (ran < programs && failed.length < Number(values.failures)) {
      const number = seed + ran;
      ran += 1;
      const program = generate(number);
      const result = await runProgram(world, program);
      steps += result.steps;
      if (result.failure === null) continue;
      failed.push(number);
      await tell(world, program, result.failure);
    }
  } finally {
    await world.close();
  }
  const { user, system } = process.cpuUsage();
  return { programs: ran, steps, failed, cpuSeconds: (user + system) / 1e6 };
}

async function tell(world: World, program: Program, { step, message }: Failure): Promise<void> {
  process.stderr.write(`${program.name}, step ${step}: ${message}\n`);
  const kind = kindOf(message);
  const small = await shrink(program, async (candidate) => {
    const { failure } = await runProgram(world, candidate);
    return failure !== null && kindOf(failure.message) === kind;
  });
  const { failure } = await runProgram(world, small);
  process.stderr.write(
    `made smaller, step ${failure?.step ?? '?'}: ${failure?.message ?? ''}\n${show(small)}\n\n`,
  );
}

async function besideSpark(): Promise<void> {
  process.env['SPARK_MEM'] ??= '2g';
  process.env['ENGINES_PYTHON'] ??= installed('python.sh');
  installed('spark.sh');
  const begin = Date.now();
  const world = new World();
  const witness = await SparkWitness.start();
  const failed: number[] = [];
  let [ran, steps] = [0, 0];
  try {
    while (ran < programs && failed.length < Number(values.failures)) {
      const number = seed + ran;
      ran += 1;
      const program: Program = { ...generate(number), store: 'disk' };
      const result = await runProgram(world, program, witness);
      steps += result.steps;
      process.stderr.write(`seed ${number}: ${result.steps} steps\n`);
      if (result.failure === null) continue;
      failed.push(number);
      const { step, message } = result.failure;
      process.stderr.write(`${program.name}, step ${step}: ${message}\n${show(program)}\n\n`);
    }
  } finally {
    await Promise.all([world.close(), witness.stop()]);
  }
  if (failed.length > 0) process.exitCode = 1;
  const seconds = (Date.now() - begin) / 1000;
  console.log(
    `${ran} programs of ${steps} steps from seed ${seed} beside Spark in ${seconds.toFixed(0)} s: ` +
      (failed.length === 0 ? 'the same rows to all' : `others by seeds ${failed.join(', ')}`),
  );
  for (const [what, count] of witness.refusals)
    console.log(`${String(count).padStart(5)} × ${what}`);
}

/** The last line that the script of a test bed prints. */
function installed(script: string): string {
  const path = new URL(`../testbeds/${script}`, import.meta.url).pathname;
  const run = spawnSync('bash', [path], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  if (run.status !== 0) throw new Error(`${script} failed`);
  return run.stdout.trim().split('\n').at(-1) ?? '';
}

/** The same failure has the same first words. */
function kindOf(message: string): string {
  return message.replaceAll(/\d+/g, '').slice(0, 30);
}

async function share(workers: number): Promise<void> {
  const begin = Date.now();
  const each = Math.ceil(programs / workers);
  const ends = await Promise.all(
    Array.from({ length: workers }, (_, index) =>
      start(seed + index * each, Math.min(each, programs - index * each)),
    ),
  );
  const seconds = (Date.now() - begin) / 1000;
  const sum = (key: 'programs' | 'steps' | 'cpuSeconds'): number =>
    ends.reduce((total, end) => total + (end?.[key] ?? 0), 0);
  const failed = ends.flatMap((end) => end?.failed ?? []);
  if (ends.includes(null) || failed.length > 0) process.exitCode = 1;
  console.log(
    `${sum('programs')} programs of ${sum('steps')} steps from seed ${seed} in ${seconds.toFixed(0)} s ` +
      `(${sum('cpuSeconds').toFixed(0)} s of CPU): ` +
      (failed.length === 0 ? 'all as the model says' : `failed: seeds ${failed.join(', ')}`),
  );
}

/** Null where the process ended without a word. */
async function start(first: number, count: number): Promise<Ran | null> {
  const passed = [
    '--seed',
    String(first),
    '--programs',
    String(count),
    '--failures',
    values.failures,
  ];
  const child = spawn(process.execPath, [import.meta.filename, '--worker', ...passed], {
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
