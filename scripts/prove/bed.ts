/** A broker, a registry and a lake of a proof's own: other ones on this machine are left alone. */

import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const beds = new URL('../testbeds/', import.meta.url).pathname;

export class Bed {
  readonly brokers: string;
  readonly registry: string;
  /** Of the proof alone; the lake is in it. */
  readonly folder: string;
  /** Empty at first. */
  readonly lake: string;
  readonly #env: NodeJS.ProcessEnv;

  private constructor(
    folder: string,
    env: NodeJS.ProcessEnv,
    { brokers, registry }: { readonly brokers: string; readonly registry: string },
  ) {
    this.folder = folder;
    this.lake = join(folder, 'lake');
    mkdirSync(this.lake);
    this.#env = env;
    this.brokers = brokers;
    this.registry = registry;
  }

  /** Starts both, with all they hold in a new folder of this name. */
  static async start(name: string): Promise<Bed> {
    const folder = mkdtempSync(join(tmpdir(), `${name}-`));
    const env = { ...process.env, TESTBED_RUN: join(folder, 'bed') };
    // The servers are no children: they would outlive a proof that is given up.
    process.once('SIGINT', () => {
      wipe(env);
      process.exit(130);
    });
    const starts = await Promise.allSettled([
      run(env, 'kafka.sh', 'start'),
      run(env, 'registry.sh', 'start'),
    ]);
    const [brokers, registry] = starts;
    if (brokers.status === 'fulfilled' && registry.status === 'fulfilled') {
      return new Bed(folder, env, { brokers: brokers.value, registry: registry.value });
    }
    wipe(env);
    throw new AggregateError(
      starts.flatMap((start) => (start.status === 'rejected' ? [start.reason] : [])),
      'the broker or the registry cannot be started',
    );
  }

  async restartBroker(): Promise<void> {
    await run(this.#env, 'kafka.sh', 'restart');
  }

  async stopRegistry(): Promise<void> {
    await run(this.#env, 'registry.sh', 'stop');
  }

  async startRegistry(): Promise<void> {
    await run(this.#env, 'registry.sh', 'start');
  }

  /** Stops both when the work is done, and deletes all, but for the lake of a proof that failed. */
  async during(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } finally {
      wipe(this.#env);
    }
    rmSync(this.folder, { recursive: true });
  }
}

function wipe(env: NodeJS.ProcessEnv): void {
  for (const script of ['kafka.sh', 'registry.sh']) {
    spawnSync('bash', [`${beds}${script}`, 'wipe'], { env, stdio: 'inherit' });
  }
}

/** The last line that the script prints. */
function run(env: NodeJS.ProcessEnv, script: string, verb: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('bash', [`${beds}${script}`, verb], {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let printed = '';
    child.stdout.on('data', (bytes: Buffer) => {
      printed += bytes.toString();
    });
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(printed.trim().split('\n').at(-1) ?? '');
      else reject(new Error(`${script} ${verb} failed (${String(code)})`));
    });
  });
}
