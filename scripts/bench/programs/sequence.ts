/** sequence.ts TABLE N kept|opened: N appends of one row, each durable; the table kept open, or opened for each. */

import { createTable, openTable } from 'deltawright';

const [uri = '', count = '0', how = 'kept'] = process.argv.slice(2);
let table = await createTable(uri, { schema: 'id bigint, v string' });
const begin = performance.now();
for (let i = 0; i < Number(count); i += 1) {
  if (how === 'opened') {
    await table.close();
    table = await openTable(uri);
  }
  await table.append({ rows: [{ id: BigInt(i), v: 'x' }] });
}
const seconds = (performance.now() - begin) / 1000;
await table.close();
console.log(JSON.stringify({ commits_per_s: Math.round((10 * Number(count)) / seconds) / 10 }));
