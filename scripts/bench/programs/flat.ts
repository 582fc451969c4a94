/**
 * flat.ts TABLE N kept|opened|refreshed: N appends of one row to a table that is there, kept open, or opened for each; or N times the
 * refresh of a table to which another appended. What one costs comes as milliseconds of CPU, all of them and the median, so that the
 * checkpoints among them show apart.
 */

import { openTable } from 'deltawright';

const [uri = '', count = '0', how = 'kept'] = process.argv.slice(2);
let table = await openTable(uri);
const row = { id: 1n, nome: 'Ana', uf: 'SP', dt: new Date('2024-03-15T00:00:00Z') };
const other = how === 'refreshed' ? await openTable(uri) : null;
// The first one loads what every other needs.
await (other ?? table).append({ rows: [row] });
await table.refresh();
const spentMs: number[] = [];
const begin = performance.now();
for (let i = 0; i < Number(count); i += 1) {
  await other?.append({ rows: [row] });
  const before = process.cpuUsage();
  if (how === 'opened') {
    await table.close();
    table = await openTable(uri);
  }
  if (other === null) await table.append({ rows: [row] });
  else await table.refresh();
  const { user, system } = process.cpuUsage(before);
  spentMs.push((user + system) / 1000);
}
const seconds = (performance.now() - begin) / 1000;
await table.close();
await other?.close();
const sorted = spentMs.toSorted((a, b) => a - b);
const rounded = (value: number): number => Math.round(100 * value) / 100;
console.log(
  JSON.stringify({
    commits_per_s: rounded(Number(count) / seconds),
    mean_ms: rounded(spentMs.reduce((sum, it) => sum + it, 0) / spentMs.length),
    median_ms: rounded(sorted[Math.floor(sorted.length / 2)] ?? 0),
  }),
);
