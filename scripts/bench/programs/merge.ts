/** merge.ts SOURCE TABLE: upserts a Parquet file into a table by `id`. */

import { openTable } from 'deltawright';

const [source = '', uri = ''] = process.argv.slice(2);
const table = await openTable(uri);
const { version, inserted, updated } = await table.merge({
  source: { parquet: [source] },
  on: 't.id = s.id',
  whenMatched: [{ update: '*' }],
  whenNotMatched: [{ insert: '*' }],
});
await table.close();
console.log(JSON.stringify({ version, inserted, updated }));
