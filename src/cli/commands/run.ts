/** `run`: jobs of the configuration, one after the other, and what each did; or side by side until they are stopped. */

import { setFlagsFromString } from 'node:v8';

import { messageOf, systemClock } from '../../base/index.ts';
import {
  type BatchReport,
  type Config,
  findJob,
  type JobContext,
  runJob,
  type RunProgress,
  type RunResult,
  type Trigger,
} from '../../jobs/index.ts';
import { type Environment, openEnvironment } from '../environment.ts';
import { bytesText, counted, print, printFacts, printObject } from '../output.ts';
import { showProgress } from '../progress.ts';
import type { CommonOptions } from '../program.ts';

export interface RunCommandOptions extends CommonOptions {
  readonly strict?: boolean;
  readonly once?: boolean;
  /** Seconds. */
  readonly every?: number;
  readonly continuous?: boolean;
  /** Seconds. */
  readonly grace: number;
  /** `[host:]port` */
  readonly health?: { readonly host?: string; readonly port: number };
}

export async function run(names: readonly string[], options: RunCommandOptions): Promise<void> {
  const environment = await openEnvironment(options, 'reading the configuration');
  try {
    const config = environment.requireConfig();
    const found = names.map((name) => findJob(config, name));
    const jobs = found.map(({ name, trigger }) => ({
      name,
      trigger: triggerOf(options) ?? trigger,
    }));
    if (found.some(({ source }) => source.kind === 'kafka')) collectLessOften();
    const context = await environment.jobContext();
    if (jobs.every(({ trigger }) => trigger.kind === 'once')) {
      for (const { name } of jobs) await runOnce(environment, { config, context, name, options });
    } else {
      await keepRunning(environment, { config, context, jobs, options });
    }
  } finally {
    await environment.close();
  }
}

/**
 * A broker's answers are memory beside the heap, and count as its growth: by default the collector goes through all of a
 * heap of 30 MB for each 20 MB of them, which is a fifth of the CPU of a capture. So the heap may grow to its fourfold.
 */
function collectLessOften(): void {
  setFlagsFromString('--heap-growing-percent=300');
}

function triggerOf({ once, every, continuous }: RunCommandOptions): Trigger | null {
  if (once === true) return { kind: 'once' };
  if (every !== undefined) return { kind: 'interval', everyMs: every * 1000 };
  return continuous === true ? { kind: 'continuous' } : null;
}

interface Work {
  readonly config: Config;
  readonly context: JobContext;
  readonly options: RunCommandOptions;
}

async function runOnce(
  environment: Environment,
  { config, context, options, name }: Work & { readonly name: string },
): Promise<void> {
  const result = await runJob(config, name, context, {
    ...strictness(options),
    trigger: { kind: 'once' },
    signal: environment.signal,
    onProgress: (step) => showProgress(progressText(name, step)),
  });
  if (options.json === true) await printObject({ ...result });
  else await printResult(result);
}

/** A job that says nothing for so long, or for so many of its intervals, is not well. */
const STALLED_MS_MIN = 60_000;
const STALLED_INTERVALS = 10;

/** All jobs at once, each told of by log lines; the first error stops them all. */
async function keepRunning(
  environment: Environment,
  work: Work & {
    readonly jobs: readonly { readonly name: string; readonly trigger: Trigger }[];
  },
): Promise<void> {
  const { config, context, jobs, options } = work;
  environment.allowGrace(options.grace * 1000);
  const [{ pino }, { RunMetrics, serveHealth }] = await Promise.all([
    import('pino'),
    import('../../web/index.ts'),
  ]);
  const log = pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime });
  const everyMs = jobs.map(({ trigger }) => (trigger.kind === 'interval' ? trigger.everyMs : 0));
  const stalledMs = Math.max(STALLED_MS_MIN, STALLED_INTERVALS * Math.max(...everyMs));
  const names = jobs.map(({ name }) => name);
  const metrics = await RunMetrics.open(names, { clock: systemClock, stalledMs });
  const server = options.health === undefined ? null : await serveHealth(metrics, options.health);
  if (server !== null) log.info({ url: server.url }, 'serving /health and /metrics');
  const failing = new AbortController();
  const stop = AbortSignal.any([environment.stop, failing.signal]);
  try {
    const runs = jobs.map(async ({ name, trigger }) => {
      log.info({ job: name, trigger }, 'started');
      try {
        const result = await runJob(config, name, context, {
          ...strictness(options),
          trigger,
          signal: environment.signal,
          stop,
          onBatch: (report) => {
            metrics.report(report);
            if (report.batch !== null) log.info(lineOf(report), 'batch');
          },
        });
        log.info({ ...result }, 'stopped');
      } catch (error) {
        log.error({ job: name, reason: messageOf(error) }, 'failed');
        metrics.failed(name);
        failing.abort(error);
        throw error;
      }
    });
    const ends = await Promise.allSettled(runs);
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
  } finally {
    await server?.close();
  }
}

function lineOf({ job, batch, counts, backlog, version, timeMs }: BatchReport): object {
  const told = Object.entries(counts).filter(([, count]) => count > 0);
  return { job, batch, ...Object.fromEntries(told), backlog, version, timeMs };
}

function strictness({ strict }: RunCommandOptions): { readonly strict?: true } {
  return strict === true ? { strict: true } : {};
}
const STEPS: Readonly<Record<RunProgress['step'], string>> = {
  prepare: 'preparing the table',
  list: 'listing',
  probe: 'looking at',
  read: 'taking',
  publish: 'publishing',
  done: 'done with',
};

function progressText(name: string, { step, batch, files, bytes }: RunProgress): string {
  const where = batch === null ? '' : ` batch ${batch}:`;
  const what = files === 0 ? '' : ` ${counted(files, 'file')}, ${bytesText(bytes)}`;
  return `${name}:${where} ${STEPS[step]}${what}`;
}

async function printResult(result: RunResult): Promise<void> {
  await printCounts(result);
  for (const warning of result.warnings) await print(`  warning: ${warning}`);
}

async function printCounts(result: RunResult): Promise<void> {
  const head = `${result.job} → ${result.sink}${result.version === null ? '' : `, version ${result.version}`}`;
  const time = `${(result.timeMs / 1000).toFixed(2)} s`;
  if (result.batches === 0 && result.deferredFiles === 0) {
    await print(`${head}: nothing new (${time})`);
    return;
  }
  await print(head);
  const batches = counted(result.batches, 'batch', 'batches');
  const facts: [string, string][] = [
    result.files > 0
      ? ['  files', `${result.files} (${bytesText(result.bytes)}) in ${batches}`]
      : ['  messages', `${bytesText(result.bytes)} in ${batches}`],
    ['  rows in', String(result.rowsIn)],
    ['  duplicates', String(result.duplicates)],
    ['  inserted', String(result.inserted)],
    ['  updated', String(result.updated)],
  ];
  if (result.posted > 0) facts.push(['  posted', counted(result.posted, 'message')]);
  if (result.lostOffsets > 0) facts.push(['  lost', counted(result.lostOffsets, 'message')]);
  if (result.deleted > 0) facts.push(['  deleted', String(result.deleted)]);
  facts.push([
    '  rejected',
    `${counted(result.rejectedRows, 'row')}, ${counted(result.rejectedFiles, 'file')}`,
  ]);
  if (result.rejectedLocation !== null) facts.push(['  listed in', result.rejectedLocation]);
  if (result.deferredFiles > 0) {
    facts.push(['  tried again', `${counted(result.deferredFiles, 'file')}, by the next run`]);
  }
  facts.push(['  time', time]);
  await printFacts(facts);
}
