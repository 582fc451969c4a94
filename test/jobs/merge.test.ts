import { afterEach, beforeEach, expect, test } from 'vitest';

import { parseDdl } from '../../src/schema/index.ts';
import { append, createTable } from '../../src/table/index.ts';
import { type Event, event, JobBench } from './bench.ts';

let bench: JobBench;
beforeEach(async () => {
  bench = await JobBench.open();
});
afterEach(async () => {
  await bench.close();
});

const TABLE = 'usuario_delta';

async function arrive(name: string, events: readonly Event[]): Promise<void> {
  await bench.parquet(`${name}.parquet`, events);
  await bench.run('merge');
}

test('a merge inserts new users and updates those with a newer event', async () => {
  await bench.parquet('1.parquet', [
    event('e1', '10:00', 'u1', 'Ana'),
    event('e2', '11:00', 'u1', 'Ana Maria'),
    event('e2', '11:00', 'u1', 'Ana Maria'),
    event('e3', '10:00', 'u2', 'Bia'),
  ]);
  expect(await bench.run('merge')).toMatchObject({
    rowsIn: 4,
    duplicates: 1,
    inserted: 2,
    updated: 0,
    version: 1,
  });
  await bench.lines('2.jsonl', [
    event('e4', '12:00', 'u2', 'Beatriz'),
    event('e5', '09:00', 'u3', 'Caê'),
  ]);
  expect(await bench.run('merge')).toMatchObject({ inserted: 1, updated: 1, version: 2 });
  expect(await bench.pairs(TABLE)).toEqual([
    ['u1', 'Ana Maria'],
    ['u2', 'Beatriz'],
    ['u3', 'Caê'],
  ]);
  const { listed, live } = await bench.manifest(TABLE);
  expect(listed).toEqual(live);
  expect(await bench.names('lake/_catalog/usuarios')).toEqual([
    'usuario.json',
    'usuario_delta.json',
  ]);
});

test('an event that arrives late never wins over a newer one', async () => {
  await arrive('1', [event('e1', '12:00', 'u1', 'newest')]);
  await arrive('2', [event('e2', '11:00', 'u1', 'late')]);
  await arrive('3', [event('e3', null, 'u1', 'without a time')]);
  expect(await bench.pairs(TABLE)).toEqual([['u1', 'newest']]);
});

test('of events at one time the greatest name by its bytes wins, in any order', async () => {
  const names = ['Zoe', 'ana', 'Ána', 'Ana'];
  for (const [index, name] of names.entries()) {
    await arrive(`${index}`, [event(`e${index}`, '12:00', 'forward', name)]);
    await arrive(`r${index}`, [
      event(`r${index}`, '12:00', 'backward', names.at(-1 - index) ?? ''),
    ]);
  }
  await arrive(
    'one',
    names.map((name, index) => event(`o${index}`, '12:00', 'together', name)),
  );
  expect(await bench.pairs(TABLE)).toEqual([
    ['backward', 'Ána'],
    ['forward', 'Ána'],
    ['together', 'Ána'],
  ]);
});

test('a table that Spark made without the time is evolved, and any time is newer than none', async () => {
  const table = bench.table(TABLE);
  await createTable(table, { schema: parseDdl('codigo_usuario STRING, nome_usuario STRING') });
  await append(table, await bench.snapshot(TABLE), {
    rows: [
      { codigo_usuario: 'u1', nome_usuario: 'Zé' },
      { codigo_usuario: 'u2', nome_usuario: 'Rui' },
    ],
  });
  await arrive('1', [event('e1', '12:00', 'u1', 'Ana'), event('e2', '12:00', 'u3', 'Eva')]);
  expect(await bench.pairs(TABLE)).toEqual([
    ['u1', 'Ana'],
    ['u2', 'Rui'],
    ['u3', 'Eva'],
  ]);
  const { schema } = await bench.snapshot(TABLE);
  expect(schema.fields.map(({ name }) => name)).toEqual([
    'codigo_usuario',
    'nome_usuario',
    'data_hora_evento',
  ]);
});

test('rows without an id or a user are rejected, the others go on', async () => {
  await bench.parquet('1.parquet', [
    event('e1', '10:00', 'u1', 'Ana'),
    event(null, '11:00', 'u1', 'no id'),
    event('e3', '11:00', '', 'no user'),
  ]);
  await bench.lines('2.jsonl', [event('e4', '12:00', null, 'no user')]);
  expect(await bench.run('merge')).toMatchObject({ rowsIn: 4, rejectedRows: 3, inserted: 1 });
  expect(await bench.pairs(TABLE)).toEqual([['u1', 'Ana']]);
});

test('a deleted checkpoint changes nothing in the table', async () => {
  await arrive('1', [event('e1', '12:00', 'u1', 'newest'), event('e2', '10:00', 'u2', 'Bia')]);
  await arrive('2', [event('e3', '11:00', 'u1', 'late'), event('e4', '11:00', 'u2', 'Beatriz')]);
  const before = await bench.pairs(TABLE);
  await bench.remove('lake/_checkpoints/merge');
  expect(await bench.run('merge')).toMatchObject({ files: 2, inserted: 0 });
  expect(await bench.pairs(TABLE)).toEqual(before);
});

test('both jobs take the same samples, each by its own checkpoint', async () => {
  await bench.parquet('1.parquet', [event('e1', '10:00', 'u1', 'Ana')]);
  expect(await bench.run('evento')).toMatchObject({ inserted: 1 });
  expect(await bench.run('merge')).toMatchObject({ inserted: 1 });
  expect(await bench.run('evento')).toMatchObject({ batches: 0 });
});
