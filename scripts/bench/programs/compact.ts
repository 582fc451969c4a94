/** compact.ts TABLE: packs the small files of a table. */

import { openTable } from 'deltawright';

const [uri = ''] = process.argv.slice(2);
const table = await openTable(uri);
const { version, filesAdded, filesRemoved } = await table.optimize();
await table.close();
console.log(JSON.stringify({ version, filesAdded, filesRemoved }));
