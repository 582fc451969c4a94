/**
 * Eight processes append to and merge into one table at once: every call succeeds, no row is lost or doubled, no counter misses a
 * step, versions have no gap, and the manifest names the files of the last snapshot. Rows are read by delta-rs.
 *
 *   node scripts/prove/writers.ts [TABLE-URI] [--writers 8] [--operations 24]
 *
 * TABLE-URI: a fresh local path (default: in the temporary folder) or s3:// URI.
 */

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createTable } from 'deltawright';
import { fail, manifestDrift, readByPeer } from './judge.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    writers: { type: 'string', default: '8' },
    operations: { type: 'string', default: '24' },
  },
});
const writers = Number(values.writers);
const operations = Number(values.operations);
const folder = positionals[0] === undefined ? mkdtempSync(join(tmpdir(), 'writers-')) : null;
const uri = positionals[0] ?? join(folder ?? '', 'tabela');

const table = await createTable(uri, {
  schema: 'chave string, parte string, n bigint',
  partitionBy: ['parte'],
  properties: { 'delta.compatibility.symlinkFormatManifest.enabled': 'true' },
});

const begin = Date.now();
const ends = await Promise.all(Array.from({ length: writers }, (_, worker) => runWriter(worker)));
const seconds = (Date.now() - begin) / 1000;
for (const end of ends) if (end !== '') fail(`a writer failed: ${end}`);

const expected = new Map<string, number>();
for (let worker = 0; worker < writers; worker += 1) {
  for (let i = 0; i < operations; i += 1) {
    const key = i % 2 === 0 ? `${worker}-${i}` : `contador-${i % 5}`;
    expected.set(key, (expected.get(key) ?? 0) + 1);
  }
}
const rows = readByPeer(uri, ['chave', 'n']);
const seen = new Map(rows.map(([key, n]) => [String(key), Number(n)]));
if (rows.length !== seen.size) fail(`${rows.length - seen.size} keys are doubled`);
for (const [key, n] of expected)
  if (seen.get(key) !== n) fail(`${key}: ${String(seen.get(key))}, not ${n}`);
if (seen.size !== expected.size) fail(`${seen.size} keys, not ${expected.size}`);

await table.refresh();
const versions: number[] = [];
for (const { version } of await table.history()) versions.push(version);
const commits = writers * operations + 1;
if (versions.length !== commits || Math.max(...versions) !== commits - 1) {
  fail(`${versions.length} versions up to ${Math.max(...versions)}, not ${commits}`);
}
const drift = await manifestDrift(uri);
if (drift !== '') fail(`the manifest is not that of the last snapshot: ${drift}`);
await table.close();
if (folder !== null) rmSync(folder, { recursive: true });
console.log(
  `${writers} writers, ${writers * operations} operations in ${seconds.toFixed(1)} s: all succeeded, ` +
    `${rows.length} rows right, ${commits} versions without a gap, manifest equal to the last snapshot`,
);

function runWriter(worker: number): Promise<string> {
  const script = new URL('writer.ts', import.meta.url).pathname;
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script, uri, String(worker), String(operations)], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let errors = '';
    child.stderr.on('data', (bytes: Buffer) => {
      errors += bytes.toString();
    });
    child.on('error', reject);
    child.on('exit', (code) =>
      resolve(code === 0 ? '' : errors.trim() || `exit code ${String(code)}`),
    );
  });
}
