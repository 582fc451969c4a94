/** `deltawright run … --every 1` as a process that is watched, killed and started again. */

import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { fail } from './judge.ts';

const root = new URL('../../', import.meta.url).pathname;
const CLI = join(root, 'dist/cli/main.js');
const CONFIG = join(root, 'fixtures/deltawright.config.ts');

/** How long a process may take to end once it was asked to. */
const GRACE_SECONDS = 60;
/** Between a failure and the next start. */
const PAUSE_MS = 500;
/** Bounds of the time after which a process is killed at the latest. */
const WINDOW_MS_MIN = 1_500;
const WINDOW_MS_MAX = 20_000;
/** Of the lives, those that are ended by SIGTERM. */
const TERM_SHARE = 0.12;

export interface End {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly errors: string;
}

/** One life of a process that runs jobs. */
export class JobProcess {
  readonly pid: number;
  /** The jobs have begun: signals are heard. False where the process ended before. */
  readonly started: Promise<boolean>;
  readonly ended: Promise<End>;
  /** From the start of the process to its first batch; null before it. */
  firstBatchMs: number | null = null;
  readonly #child: ChildProcess;

  constructor(jobs: readonly string[], env: NodeJS.ProcessEnv, config = CONFIG) {
    const begin = Date.now();
    const words = ['run', ...jobs, '--every', '1', '--grace', String(GRACE_SECONDS)];
    const child = spawn(process.execPath, [CLI, ...words, '--config', config], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    this.#child = child;
    this.pid = child.pid ?? fail('the command cannot be started');
    // A proof that fails leaves nobody behind.
    const reap = (): unknown => child.kill('SIGKILL');
    process.once('exit', reap);
    child.once('close', () => process.off('exit', reap));
    let errors = '';
    child.stderr.on('data', (bytes: Buffer) => {
      errors += bytes.toString();
    });
    this.ended = new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code, signal) => resolve({ code, signal, errors }));
    });
    this.started = new Promise((resolve) => {
      child.stdout.on('data', (bytes: Buffer) => {
        const text = bytes.toString();
        if (text.includes('"msg":"started"')) resolve(true);
        if (text.includes('"msg":"batch"')) this.firstBatchMs ??= Date.now() - begin;
      });
      child.on('close', () => resolve(false));
    });
  }

  kill(signal: 'SIGKILL' | 'SIGTERM'): void {
    this.#child.kill(signal);
  }
}

/** Runs jobs once, and gives what each did. */
export async function runOnce(
  jobs: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<readonly { readonly batches: number; readonly rowsIn: number }[]> {
  const child = spawn(
    process.execPath,
    [CLI, 'run', ...jobs, '--once', '--json', '--config', CONFIG],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    },
  );
  let printed = '';
  let errors = '';
  child.stdout.on('data', (bytes: Buffer) => {
    printed += bytes.toString();
  });
  child.stderr.on('data', (bytes: Buffer) => {
    errors += bytes.toString();
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (code !== 0) fail(`a clean run of ${jobs.join(', ')} ended with ${String(code)}: ${errors}`);
  return printed
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { batches: number; rowsIn: number });
}

export interface Ordeal {
  readonly lake: string;
  readonly env: NodeJS.ProcessEnv;
  /** Uniform in [0, 1). */
  readonly chance: () => number;
  /** Codes of errors that may end a life. */
  readonly allowed: ReadonlySet<string>;
  /** Default: the one that ships. */
  readonly config?: string;
}

/** A job that is killed and started again, until it is told to end. */
export class HarriedJob {
  readonly job: string;
  killed = 0;
  stopped = 0;
  /** By the code of the error that ended a life. */
  readonly failures = new Map<string, number>();
  /** While true nobody is killed. */
  isSpared = false;
  readonly #ordeal: Ordeal;
  readonly #kills: number;
  #windowMs = 8_000;
  #life: JobProcess | null = null;
  #isEnding = false;

  constructor(job: string, kills: number, ordeal: Ordeal) {
    this.job = job;
    this.#kills = kills;
    this.#ordeal = ordeal;
  }

  get isThrough(): boolean {
    return this.killed >= this.#kills;
  }

  /** Resolves when the job was told to end and has, in good order. */
  async run(): Promise<void> {
    while (!this.#isEnding) {
      const life = new JobProcess([this.job], this.#ordeal.env, this.#ordeal.config);
      this.#life = life;
      if (!this.isThrough) void this.#strike(life);
      const end = await life.ended;
      if (life.firstBatchMs !== null) {
        this.#windowMs = Math.min(WINDOW_MS_MAX, Math.max(WINDOW_MS_MIN, 2 * life.firstBatchMs));
      }
      await this.#judge(end);
    }
  }

  /** Asks the job to end, by SIGTERM. */
  async end(): Promise<void> {
    this.#isEnding = true;
    const life = this.#life;
    if (await life?.started) life?.kill('SIGTERM');
  }

  /** Ends this life at a random moment. */
  async #strike(life: JobProcess): Promise<void> {
    const { chance } = this.#ordeal;
    const isTerm = chance() < TERM_SHARE;
    await sleep(chance() * this.#windowMs, null, { ref: false });
    while (this.isSpared) await sleep(PAUSE_MS, null, { ref: false });
    if (this.#isEnding || this.#life !== life) return;
    if (!isTerm) life.kill('SIGKILL');
    else if (await life.started) life.kill('SIGTERM');
  }

  async #judge({ code, signal, errors }: End): Promise<void> {
    if (signal === 'SIGKILL') {
      this.killed += 1;
      return;
    }
    if (code === 0) {
      this.stopped += 1;
      this.#checkStopped();
      return;
    }
    const reason = /^deltawright: ([A-Z_]+): /m.exec(errors)?.[1] ?? '';
    if (!this.#ordeal.allowed.has(reason)) {
      fail(`${this.job} ended with ${String(code ?? signal)}: ${errors}`);
    }
    this.failures.set(reason, (this.failures.get(reason) ?? 0) + 1);
    await sleep(PAUSE_MS);
  }

  /** What was stopped in good order has no batch under way. */
  #checkStopped(): void {
    const checkpoint = join(this.#ordeal.lake, '_checkpoints', this.job);
    const planned = latest(join(checkpoint, 'offsets'));
    const committed = latest(join(checkpoint, 'commits'));
    if (planned !== committed) {
      fail(`${this.job} was stopped at batch ${planned}, and ${committed} is the last one done`);
    }
  }
}

/** The highest number among the names in a folder, or -1. */
function latest(folder: string): number {
  try {
    return readdirSync(folder)
      .filter((name) => /^\d+$/.test(name))
      .reduce((max, name) => Math.max(max, Number(name)), -1);
  } catch {
    // The job was stopped before it had begun a checkpoint.
    return -1;
  }
}

export async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await sleep(100);
}
