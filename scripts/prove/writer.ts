/**
 * writer.ts TABLE WORKER N: one of the processes of `writers.ts`. Does N operations, in turn an append of a row of its own and a
 * merge that raises the shared counters, and prints how each ended.
 */

import { openTable } from 'deltawright';

const [uri = '', worker = '0', count = '0'] = process.argv.slice(2);
const table = await openTable(uri);
for (let i = 0; i < Number(count); i += 1) {
  if (i % 2 === 0) {
    await table.append({ rows: [{ chave: `${worker}-${i}`, parte: `p${i % 3}`, n: 1n }] });
  } else {
    await table.merge({
      source: { rows: [{ chave: `contador-${i % 5}`, parte: 'contador', n: 1n }] },
      on: 't.chave = s.chave AND t.parte = s.parte',
      whenMatched: [{ update: { n: 't.n + s.n' } }],
      whenNotMatched: [{ insert: '*' }],
    });
  }
}
await table.close();
console.log(JSON.stringify({ worker, done: Number(count) }));
