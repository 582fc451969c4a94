import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { ManualClock, seededRandom } from '../../src/base/index.ts';
import type { Row } from '../../src/schema/index.ts';
import { DeltaTable, type TableTools, tableTools } from '../../src/table/index.ts';

const URI = 'memory://shop/orders';

let clock: ManualClock;
let tools: TableTools;
let table: DeltaTable;

beforeEach(async () => {
  clock = new ManualClock();
  tools = tableTools({ clock, random: seededRandom(11) });
  table = await DeltaTable.create(tools, URI, {
    schema: 'id bigint not null, name string, day date',
    partitionBy: ['day'],
  });
});

afterEach(() => tools.close());

function rowsOf(from: DeltaTable): Promise<Row[]> {
  return Array.fromAsync(from.scan({ columns: ['id', 'name'] }));
}

describe('a table that records its changes', () => {
  test('tells what merges change, and nothing of OPTIMIZE, which changes nothing', async () => {
    const day = '2026-01-01';
    await table.setProperties({ 'delta.enableChangeDataFeed': 'true' });
    await table.append({ rows: [{ id: 1n, day }] });
    await table.append({ rows: [{ id: 2n, day }] });
    expect(await table.optimize()).toMatchObject({ kind: 'committed', filesRemoved: 2 });
    const changes = await Array.fromAsync(table.readChanges({ fromVersion: 1 }));
    expect(changes).toMatchObject([
      { id: 1n, _change_type: 'insert', _commit_version: 2n },
      { id: 2n, _change_type: 'insert', _commit_version: 3n },
    ]);
    await table.merge({
      source: { rows: [{ id: 1n, day }] },
      on: 't.id = s.id',
      whenMatched: [{ delete: true }],
    });
    const { version } = table.snapshot;
    expect(await Array.fromAsync(table.readChanges({ fromVersion: version }))).toMatchObject([
      { id: 1n, _change_type: 'delete', _commit_version: BigInt(version) },
    ]);
  });
});

describe('writing', () => {
  test('append and merge tell what they did, and the table moves on', async () => {
    const rows = [
      { id: 1n, name: 'a', day: '2026-01-01' },
      { id: 2n, name: 'b', day: '2026-01-02' },
    ];
    expect(await table.append({ rows })).toMatchObject({
      kind: 'committed',
      version: 1,
      files: 2,
      rows: 2,
      postCommitErrors: [],
    });
    const outcome = await table.merge({
      source: {
        rows: [
          { id: 1n, name: 'A', day: '2026-01-01' },
          { id: 2n, name: 'gone', day: '2026-01-02' },
          { id: 3n, name: 'c', day: '2026-01-03' },
        ],
      },
      on: 't.id = s.id',
      whenMatched: [{ condition: `s.name = 'gone'`, delete: true }, { update: '*' }],
      whenNotMatched: [{ insert: '*' }],
    });
    expect(outcome).toEqual({
      kind: 'committed',
      version: 2,
      inserted: 1,
      updated: 1,
      deleted: 1,
      filesAdded: 2,
      filesRemoved: 2,
      filesHidden: 0,
      postCommitErrors: [],
    });
    expect(table.snapshot.version).toBe(2);
    const left = await rowsOf(table);
    expect(left).toHaveLength(2);
    expect(left).toEqual(
      expect.arrayContaining([
        { id: 1n, name: 'A' },
        { id: 3n, name: 'c' },
      ]),
    );
  });

  test('a txn is applied once, whichever verb brings it', async () => {
    const txn = { appId: 'loader', version: 4 };
    const source = { rows: [{ id: 1n }] };
    expect(await table.append(source, { txn, commitInfo: { batch: 'b-4' } })).toMatchObject({
      kind: 'committed',
    });
    expect(await table.append(source, { txn })).toMatchObject({ kind: 'applied', rows: 0 });
    const merge = { source, on: 't.id = s.id', whenNotMatched: [{ insert: '*' as const }], txn };
    expect(await table.merge(merge)).toMatchObject({ kind: 'applied', inserted: 0 });
    const [entry] = await table.history({ limit: 1 });
    expect(entry?.commitInfo).toMatchObject({ batch: 'b-4' });
  });

  test('a value that does not fit is told by its row, in whichever partition it is', async () => {
    const rows: Row[] = [
      { id: 1n, day: '2026-01-01' },
      { id: 2n, day: '2026-01-02' },
      { id: 'three', day: '2026-01-02' },
    ];
    await expect(table.append({ rows })).rejects.toMatchObject({
      code: 'INPUT_BAD_VALUE',
      details: { rowIndex: 2, column: 'id', table: URI },
    });
    await expect(table.append({ rows: [{ id: 1n }, { id: 2n, day: '?' }] })).rejects.toMatchObject({
      code: 'INPUT_BAD_VALUE',
      details: { rowIndex: 1, column: 'day', table: URI },
    });
    expect(table.snapshot.version).toBe(0);
  });
});

describe('going back in time', () => {
  test('a table of the past shows its version, its history, and cannot be written', async () => {
    clock.advance(1000);
    const before = new Date(clock.now());
    clock.advance(1000);
    await table.append({ rows: [{ id: 1n, name: 'a' }] });
    for (const past of [
      { version: 0 },
      { timestamp: before },
      { timestamp: before.toISOString() },
    ]) {
      const opened = await DeltaTable.open(tools, URI, past);
      expect(opened.snapshot.version).toBe(0);
      expect(await rowsOf(opened)).toEqual([]);
      expect((await opened.history()).map(({ version }) => version)).toEqual([0]);
      expect((await opened.refresh()).version).toBe(0);
      await expect(opened.append({ rows: [] })).rejects.toMatchObject({ code: 'TABLE_READ_ONLY' });
    }
  });

  test('a version and a time at once are refused, and so is what is no time', async () => {
    const both = DeltaTable.open(tools, URI, { version: 0, timestamp: new Date(0) });
    await expect(both).rejects.toMatchObject({ code: 'TRAVEL_AMBIGUOUS', kind: 'invalid' });
    const noTime = DeltaTable.open(tools, URI, { timestamp: 'yesterday' });
    await expect(noTime).rejects.toMatchObject({ code: 'SCHEMA_VALUE' });
  });
});

test('errors name the table', async () => {
  await expect(DeltaTable.open(tools, 'memory://shop/none')).rejects.toMatchObject({
    code: 'TABLE_NOT_FOUND',
    message: expect.stringContaining('[table=memory://shop/none]'),
  });
  await expect(Array.fromAsync(table.scan({ columns: ['none'] }))).rejects.toMatchObject({
    code: 'COLUMN_UNKNOWN',
    details: { table: URI },
  });
  expect(() => [...table.files({ where: 'none = 1' })]).toThrow(
    expect.objectContaining({ code: 'EXPRESSION_NO_COLUMN' }),
  );
});

test('a Parquet file with a column that the table lacks is refused, not cut down', async () => {
  await table.append({ rows: [{ id: 1n, name: 'a' }] });
  const [file] = [...table.files()];
  const other = await DeltaTable.create(tools, 'memory://shop/other', { schema: 'id bigint' });
  await expect(other.append({ parquet: [file?.uri ?? ''] })).rejects.toMatchObject({
    code: 'APPEND_SOURCE_UNFIT',
    message: expect.stringContaining('the table has no column name'),
  });
});
