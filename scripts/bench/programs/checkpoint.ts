/** checkpoint.ts TABLE: opens a table and writes the checkpoint of its newest version. */

import { openTable } from 'deltawright';

const [uri = ''] = process.argv.slice(2);
const table = await openTable(uri);
await table.checkpoint();
const { version, fileCount } = table.snapshot;
await table.close();
console.log(JSON.stringify({ version, fileCount }));
