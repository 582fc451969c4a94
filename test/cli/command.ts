/** The real command, as a child process, on the sources. */

import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';

const MAIN = new URL('../../src/cli/main.ts', import.meta.url).pathname;

export interface Outcome {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Arguments of Node itself. */
  readonly node?: readonly string[];
  /** Called with the first output. */
  readonly onOutput?: (child: ReturnType<typeof spawn>) => void;
}

/** Runs `deltawright ARGS` in a folder. */
export async function deltawright(
  folder: string,
  args: readonly string[],
  { onOutput, ...options }: CommandOptions = {},
): Promise<Outcome> {
  const { child, ended } = launch(folder, args, options);
  child.stdout.once('data', () => onOutput?.(child));
  return ended;
}

export interface Launched {
  readonly child: ChildProcessByStdio<null, Readable, Readable>;
  readonly ended: Promise<Outcome>;
}

/** Starts `deltawright ARGS` in a folder. */
export function launch(
  folder: string,
  args: readonly string[],
  { env = {}, node = [] }: Omit<CommandOptions, 'onOutput'> = {},
): Launched {
  const child = spawn(process.execPath, [...node, MAIN, ...args], {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  const ended = new Promise<Outcome>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      const [out, error] = [stdout, stderr].map((it) => Buffer.concat(it).toString('utf8'));
      resolve({ code, signal, stdout: out ?? '', stderr: error ?? '' });
    });
  });
  return { child, ended };
}

export const CONFIG = `export default {
  lake: { location: './o lago/é' },
  database: 'vendas',
  jobs: {
    pedidos: {
      source: { kind: 'files', location: './entrada', schema: 'id BIGINT, cliente STRING' },
      keys: ['id'],
      dropDuplicates: { columns: ['id'], against: 'table' },
      sink: { kind: 'append', table: 'pedidos_delta', virtualTable: 'pedidos' },
    },
  },
};
`;

/** A folder with a configuration in it, for the time of `use`. */
export async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'cli-'));
  try {
    await writeFile(join(folder, 'deltawright.config.ts'), CONFIG);
    await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export function jsonLines(text: string): unknown[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line): unknown => JSON.parse(line));
}
