/** scan.ts TABLE COLUMNS CONDITION: the rows of a table for which a condition is true, in objects. */

import { openTable } from 'deltawright';

const [uri = '', columns = '', where = ''] = process.argv.slice(2);
const table = await openTable(uri);
let rows = 0;
for await (const row of table.scan({ columns: columns.split(', '), where })) {
  rows += Number(row['id'] !== null);
}
await table.close();
console.log(JSON.stringify({ rows }));
