/** What the proofs hold a table against: another engine's reading, and the manifest against the snapshot. */

import { spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { openTable } from 'deltawright';

const scripts = new URL('../', import.meta.url).pathname;

/** Ends the proof. */
export function fail(reason: string): never {
  throw new Error(reason);
}

/** The rows of a table as delta-rs reads them. */
export function readByPeer(uri: string, columns: readonly string[]): unknown[][] {
  const python = peerPython();
  const done = spawnSync(python, [`${scripts}engines/read.py`, uri, ...columns], {
    encoding: 'utf8',
    maxBuffer: 1 << 30,
  });
  if (done.status !== 0) fail(`delta-rs cannot read ${uri}: ${done.stderr}`);
  return done.stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as unknown[]);
}

/** As `readByPeer`, for tables of any size. */
export async function* rowsByPeer(
  uri: string,
  columns: readonly string[],
): AsyncGenerator<unknown[]> {
  const python = peerPython();
  const child = spawn(python, [`${scripts}engines/read.py`, uri, ...columns], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  for await (const line of createInterface({ input: child.stdout })) {
    yield JSON.parse(line) as unknown[];
  }
  const code = await ended;
  if (code !== 0) fail(`delta-rs cannot read ${uri}: it ended with ${String(code)}`);
}

/** How the manifest differs from the latest snapshot; empty where it does not. */
export async function manifestDrift(uri: string): Promise<string> {
  const table = await openTable(uri);
  try {
    const live = new Set<string>();
    for (const file of table.files()) live.add(file.uri);
    const named = new Set<string>();
    for await (const path of table.manifestPaths()) named.add(path);
    const missing = [...live].filter((path) => !named.has(path));
    const stale = [...named].filter((path) => !live.has(path));
    if (missing.length === 0 && stale.length === 0) return '';
    return `${missing.length} missing (${missing[0] ?? '-'}), ${stale.length} stale (${stale[0] ?? '-'})`;
  } finally {
    await table.close();
  }
}

/** The Python that has delta-rs and DuckDB, installed where it is missing. */
export function peerPython(): string {
  const given = process.env['ENGINES_PYTHON'];
  if (given !== undefined) return given;
  const done = spawnSync('bash', [`${scripts}testbeds/python.sh`], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (done.status !== 0) fail('the engines cannot be installed');
  return done.stdout.trim().split('\n').at(-1) ?? '';
}
