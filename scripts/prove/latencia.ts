/**
 * Sends events of *e-Financeira* at a steady rate to a real broker while its three jobs run with a trigger of one second, and
 * measures how long it takes from when an event is sent until it can be queried, in the detail and in the report; whether memory
 * stays flat, and how many files the tables have. All events must have arrived at the end.
 *
 *   node scripts/prove/latencia.ts [--rate 5000] [--minutes 10] [--processes 1]
 *
 * `--processes 3` runs each job in a process of its own, instead of all in one.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import { EVENT_SCHEMAS, SUBJECT, TOPIC } from '../e-financeira/encode.ts';
import { createTopic, registerSchema } from '../e-financeira/live.ts';
import { Bed } from './bed.ts';
import { JobProcess } from './job-process.ts';
import { fail } from './judge.ts';
import { REPORT_TOPIC } from './judge-eventos.ts';
import type { Seen } from './latencia-watch.ts';
import type { Sent } from './latencia-send.ts';

const { values } = parseArgs({
  options: {
    rate: { type: 'string', default: '5000' },
    minutes: { type: 'string', default: '10' },
    processes: { type: 'string', default: '1' },
  },
});
const rate = Number(values.rate);
const seconds = Number(values.minutes) * 60;
const JOBS = ['capturar-eventos', 'consolidar-base-eventos', 'gerar-relatorio-transmissao'];
const groups = values.processes === '3' ? JOBS.map((job) => [job]) : [JOBS];
const SAMPLE_MS = 1000;
/** How long the last events may take to arrive. */
const ARRIVAL_MS = 60_000;
const PAGE_BYTES = 4096;
const MEBIBYTE = 1024 * 1024;

const bed = await Bed.start('latencia');
const { lake } = bed;
await bed.during(measure);

async function measure(): Promise<void> {
  for (const schema of EVENT_SCHEMAS) await registerSchema(bed.registry, SUBJECT, schema);
  await createTopic([bed.brokers], { topic: TOPIC, partitionCount: 3 });
  await createTopic([bed.brokers], { topic: REPORT_TOPIC, partitionCount: 1 });
  const env = {
    DELTAWRIGHT_LAKE: lake,
    KAFKA_BROKERS: bed.brokers,
    SCHEMA_REGISTRY_URL: bed.registry,
  };
  const jobs = groups.map((names) => new JobProcess(names, env));
  const resident = jobs.map((): number[] => []);
  const broken = Promise.race(
    jobs.map(async (job, index) => {
      const { code, signal, errors } = await job.ended;
      const names = groups[index]?.join(', ') ?? '';
      return fail(`${names} ended with ${String(code ?? signal)}: ${errors}`);
    }),
  );
  await Promise.race([Promise.all(jobs.map(({ started }) => started)), broken]);
  const watcher = script('latencia-watch.ts', [lake]);
  const sender = script('latencia-send.ts', [bed.brokers, String(rate), String(seconds)]);
  const cpuBegin = cpuOf(jobs);
  const sampling = setInterval(() => {
    for (const [index, { pid }] of jobs.entries()) resident[index]?.push(residentBytes(pid));
  }, SAMPLE_MS);
  const sent = (await Promise.race([sender.printed, broken])) as Sent;
  const sampled = resident.map((samples) => [...samples]);
  await Promise.race([arrived(sent.events), broken, sleep(ARRIVAL_MS)]);
  clearInterval(sampling);
  const cpuSeconds = cpuOf(jobs) - cpuBegin;
  watcher.child.kill('SIGTERM');
  const seen = (await watcher.printed) as Seen;
  broken.catch(() => undefined);
  for (const job of jobs) job.kill('SIGTERM');
  for (const { ended } of jobs) {
    const { code, signal, errors } = await ended;
    if (code !== 0) fail(`jobs were stopped with ${String(code ?? signal)}: ${errors}`);
  }
  show(sent, seen, { cpuSeconds, sampled });
  if (seen.detail.events !== sent.events) {
    fail(`${seen.detail.events} of ${sent.events} events are in the detail`);
  }
  if (seen.report.events !== sent.events) {
    fail(`${seen.report.events} of ${sent.events} events are in the report`);
  }
}

/** Waits until nothing is under way any more: the watcher's last look is at all that was sent. */
async function arrived(events: number): Promise<void> {
  const place = join(lake, 'watched.json');
  for (;;) {
    await sleep(500);
    const { detail, report } = JSON.parse(readFileSync(place, 'utf8')) as Record<string, number>;
    if (detail === events && report === events) return;
  }
}

interface Costs {
  readonly cpuSeconds: number;
  /** Bytes, by process, a sample a second. */
  readonly sampled: readonly (readonly number[])[];
}

function show(sent: Sent, seen: Seen, { cpuSeconds, sampled }: Costs): void {
  const lines = [
    `${sent.events} events at ${rate} messages a second for ${seconds} s, jobs in ${groups.length} process(es); ` +
      `sent late by ${sent.lagP99Ms} ms (p99), ${sent.lagMaxMs} ms at most`,
    `             p50 ms   p99 ms   max ms   files at most / at the end`,
  ];
  for (const name of ['detail', 'report'] as const) {
    const { p50Ms, p99Ms, maxMs, filesMax, filesLast } = seen[name];
    const cells = [p50Ms, p99Ms, maxMs].map((value) => String(value).padStart(9)).join('');
    lines.push(`  ${name.padEnd(8)}${cells}   ${filesMax} / ${filesLast}`);
  }
  for (const [index, samples] of sampled.entries()) {
    const third = Math.floor(samples.length / 3);
    const [first, last] = [medianOf(samples.slice(0, third)), medianOf(samples.slice(-third))];
    const most = Math.max(...samples);
    lines.push(
      `  ${groups[index]?.join(' ') ?? ''}: ${mebibytes(first)} MiB in the first third, ${mebibytes(last)} in the last, ${mebibytes(most)} at most`,
    );
  }
  const micros = (cpuSeconds * 1e6) / sent.events;
  lines.push(`  CPU of the jobs: ${cpuSeconds.toFixed(0)} s, ${micros.toFixed(0)} µs an event`);
  console.log(lines.join('\n'));
}

/** A script beside this one, whose last line is what it found. */
function script(
  name: string,
  words: readonly string[],
): { readonly child: ChildProcess; readonly printed: Promise<unknown> } {
  const place = new URL(name, import.meta.url).pathname;
  const child = spawn(process.execPath, [place, ...words], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  process.once('exit', () => child.kill('SIGKILL'));
  let text = '';
  child.stdout.on('data', (bytes: Buffer) => {
    text += bytes.toString();
  });
  const printed = new Promise((resolve, reject) => {
    child.on('close', (code) => {
      if (code === 0) resolve(JSON.parse(text));
      else reject(new Error(`${name} ended with ${String(code)}`));
    });
  });
  return { child, printed };
}

/** Of a process that has just ended: 0. */
function residentBytes(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * PAGE_BYTES;
  } catch {
    // Why it ended is told by who waits for it.
    return 0;
  }
}

/** `utime` and `stime` of these processes so far, in seconds: proc(5). */
function cpuOf(jobs: readonly JobProcess[]): number {
  return jobs.reduce((sum, { pid }) => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    return sum + (Number(fields[11]) + Number(fields[12])) / 100;
  }, 0);
}

function medianOf(samples: readonly number[]): number {
  return samples.toSorted((a, b) => a - b)[Math.floor(samples.length / 2)] ?? 0;
}

function mebibytes(bytes: number): string {
  return (bytes / MEBIBYTE).toFixed(0);
}
