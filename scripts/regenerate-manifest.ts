/**
 * Brings symlink manifests up to date after other people's commits: of the partitions that were touched since, or with
 * `--full` of all. Every table is tried; the exit code is that of the last one that failed, as of the command `manifest`.
 *
 *   node scripts/regenerate-manifest.ts TABLE… [--full] [--config FILE]
 *
 * TABLE is `db.table` of the configuration's catalog, a path, or an `s3://` URI.
 */

import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';

const cli = new URL('../dist/cli/main.js', import.meta.url).pathname;
const { values, positionals: tables } = parseArgs({
  allowPositionals: true,
  options: { full: { type: 'boolean' }, config: { type: 'string' } },
});
const flags = [
  ...(values.full === true ? ['--full'] : []),
  ...(values.config === undefined ? [] : ['--config', values.config]),
];

if (tables.length === 0) {
  process.stderr.write(
    'usage: node scripts/regenerate-manifest.ts TABLE… [--full] [--config FILE]\n',
  );
  process.exitCode = 2;
}
for (const table of tables) {
  process.stdout.write(`${table}: `);
  const done = spawnSync(process.execPath, [cli, 'manifest', table, ...flags], {
    stdio: 'inherit',
  });
  if (done.status !== 0) process.exitCode = done.status ?? 1;
}
