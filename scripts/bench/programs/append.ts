/** append.ts SOURCE TABLE: creates the table where it is missing, and appends every Parquet file of a folder. */

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createTable } from 'deltawright';

const [source = '', uri = ''] = process.argv.slice(2);
const table = await createTable(uri, {
  schema: `id bigint, nome string, email string, cidade string, uf string, idade int,
    data_cadastro timestamp, saldo decimal(12,2), ativo boolean, updated_at timestamp`,
  ifNotExists: true,
});
const files = readdirSync(source).filter((name) => name.endsWith('.parquet'));
const result = await table.append({ parquet: files.sort().map((name) => join(source, name)) });
await table.close();
console.log(JSON.stringify({ version: result.version }));
