/** writer.ts URI LOG-TABLE WRITER COUNT: so many appends of one row each, by a process of its own. Prints their versions. */

import { createTable, openTable } from '../../../src/index.ts';

const [uri = '', table = '', writer = '', count = '0'] = process.argv.slice(2);
const options = { dynamoDb: { table } };
const schema = 'escritor string, n int';
await (await createTable(uri, { schema, ifNotExists: true }, options)).close();
const opened = await openTable(uri, options);
const versions: number[] = [];
for (let n = 0; n < Number(count); n += 1) {
  versions.push((await opened.append({ rows: [{ escritor: writer, n }] })).version);
}
await opened.close();
process.stdout.write(JSON.stringify(versions));
