/** Tables after an erase, and after files were loaded into them, as delta-rs and DuckDB read them. */

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createTable, type DeltaTable } from '../../src/index.ts';
import { EngineBed } from './engine-bed.ts';

const WITH_CHANGES = { 'delta.enableChangeDataFeed': 'true', 'delta.checkpointInterval': '3' };

const bed = new EngineBed('erase', { engines: ['peers'] });
const { folder } = bed;

async function agree(table: DeltaTable, uri: string): Promise<void> {
  const ours = await table.checksum();
  expect(await bed.peers.checksum({ engine: 'deltars', uri }), 'delta-rs').toEqual(ours);
  expect(await bed.peers.checksum({ engine: 'duckdb', uri }), 'DuckDB').toEqual(ours);
}

it.each([
  ['plain', {}],
  ['with checkpoints and changes', WITH_CHANGES],
])('erased from, %s: the log begins anew, and goes on', async (name, properties) => {
  const uri = join(folder, name);
  const table = await createTable(uri, {
    schema: 'id bigint, nome string, uf string',
    partitionBy: ['uf'],
    properties,
  });
  for (let batch = 0; batch < 5; batch += 1) {
    const rows = Array.from({ length: 200 }, (_, index) => {
      const id = batch * 200 + index;
      return { id: BigInt(id), nome: `n${String(id % 50)}`, uf: id % 3 === 0 ? 'São Paulo' : 'RJ' };
    });
    await table.append({ rows });
  }
  await table.update({ set: { nome: "'n7'" }, where: 'id = 3' });
  const done = await table.erase({ where: "nome = 'n7'", writerHours: 0 });
  expect(done).toMatchObject({ clean: true, left: [] });
  expect(done.log.deleted.length).toBeGreaterThan(5);
  await agree(table, uri);
  await table.append({ rows: [{ id: 9999n, nome: 'n8', uf: 'AC' }] });
  await agree(table, uri);
  await table.close();
});

it('loaded into: its transactions are read by others', async () => {
  const uri = join(folder, 'loaded');
  const from = join(folder, 'entrada');
  await mkdir(from);
  const table = await createTable(uri, { schema: 'id bigint' });
  for (let file = 0; file < 12; file += 1) {
    await writeFile(join(from, `${String(file)}.json`), `{"id":${String(file)}}\n`);
    expect(await table.copyInto({ from })).toMatchObject({ loadedCount: 1, skippedCount: file });
  }
  await agree(table, uri);
  await table.close();
});
