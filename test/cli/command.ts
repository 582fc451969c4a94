/** The real command, as a child process, on the sources. */

import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const MAIN = new URL('../../src/cli/main.ts', import.meta.url).pathname;

export interface Outcome {
  readonly code: number | null;
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
  { env = {}, node = [], onOutput }: CommandOptions = {},
): Promise<Outcome> {
  const child = spawn(process.execPath, [...node, MAIN, ...args], {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.once('data', () => onOutput?.(child));
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  return {
    code,
    stdout: Buffer.concat(stdout).toString('utf8'),
    stderr: Buffer.concat(stderr).toString('utf8'),
  };
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
