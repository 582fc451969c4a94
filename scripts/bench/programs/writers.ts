/**
 * writers.ts TABLE W N: W processes that append N rows each to one table at once, each row durable and a commit of its own. They begin
 * together, when all have opened the table.
 */

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';

import { createTable, openTable } from 'deltawright';

const [uri = '', writers = '0', count = '0', role = 'all'] = process.argv.slice(2);

async function writer(): Promise<void> {
  const table = await openTable(uri);
  process.send?.('ready');
  await once(process, 'message');
  let failed = 0;
  for (let i = 0; i < Number(count); i += 1) {
    try {
      await table.append({ rows: [{ id: BigInt(i), v: 'x' }] });
    } catch {
      // How many fail is what is counted.
      failed += 1;
    }
  }
  await table.close();
  process.send?.(failed);
  process.disconnect();
}

async function all(): Promise<void> {
  await (await createTable(uri, { schema: 'id bigint, v string' })).close();
  const children = Array.from({ length: Number(writers) }, () =>
    fork(process.argv[1] ?? '', [uri, writers, count, 'one']),
  );
  await Promise.all(children.map(said));
  const begin = performance.now();
  for (const child of children) child.send('go');
  const failures = await Promise.all(children.map(said));
  const seconds = (performance.now() - begin) / 1000;
  const failed = failures.reduce((sum, it) => sum + it, 0);
  const done = Number(writers) * Number(count) - failed;
  const table = await openTable(uri);
  if (table.snapshot.version !== done)
    throw new Error(`version ${table.snapshot.version}, ${done} done`);
  await table.close();
  console.log(JSON.stringify({ commits_per_s: Math.round((10 * done) / seconds) / 10, failed }));
}

async function said(child: ChildProcess): Promise<number> {
  const [message] = (await once(child, 'message')) as unknown[];
  return Number(message);
}

await (role === 'all' ? all() : writer());
