import { afterAll, beforeEach, describe, expect, test } from 'vitest';

import {
  createEngine,
  droppedRows,
  dropExisting,
  dropWithinBatch,
  type KeyedRows,
  openOrderedSession,
  prepareDrops,
  type Session,
  survives,
} from '../../src/engine/index.ts';

const engine = createEngine();
let session: Session;

beforeEach(async () => {
  session = await openOrderedSession(engine);
  await prepareDrops(session);
});

afterAll(() => engine.close());

function batch(...rows: readonly (readonly [file: number, row: number, key: string])[]): KeyedRows {
  const list = rows.map(([file, row, key]) => `(${file}::INTEGER, ${row}::BIGINT, '${key}')`);
  return {
    select: `SELECT * FROM (VALUES ${list.join(', ')}) AS v(file_number, file_row, "the key")`,
    file: 'file_number',
    row: 'file_row',
    keyColumns: ['the key'],
  };
}

async function survivors({ select }: KeyedRows): Promise<readonly unknown[]> {
  const rows = await session.query(
    `SELECT file_number || '/' || file_row AS place FROM (${select}) AS r ` +
      `WHERE ${survives('r.file_number', 'r.file_row')} ORDER BY ALL`,
  );
  return rows.map(({ place }) => place);
}

describe('duplicates', () => {
  test('of one key within a batch, the lowest file and row stays', async () => {
    const rows = batch([1, 0, 'a'], [0, 5, 'a'], [0, 7, 'a'], [2, 0, 'b']);
    await dropWithinBatch(session, rows);
    expect(await survivors(rows)).toEqual(['0/5', '2/0']);
    const { byFile, count } = await droppedRows(session);
    expect([[...byFile], count]).toEqual([
      [
        [0, 1],
        [1, 1],
      ],
      2,
    ]);
  });

  test('keys that exist are dropped, each row counted once', async () => {
    const rows = batch([0, 0, 'a'], [0, 1, 'b'], [1, 0, 'a'], [1, 1, 'c']);
    await dropWithinBatch(session, rows);
    const existing = ['SELECT \'a\' AS "the key"', "SELECT unnest(['x', 'c', 'c']) AS \"the key\""];
    expect(await dropExisting(session, rows, existing)).toBe(2);
    expect(await dropExisting(session, rows, existing)).toBe(0);
    expect(await dropExisting(session, rows, [])).toBe(0);
    expect(await survivors(rows)).toEqual(['0/1']);
  });

  test('agrees with a plain count over many keys', async () => {
    const rows = {
      select:
        "SELECT (range % 3)::INTEGER AS file_number, range AS file_row, 'k' || (range * 7919 % 4000) AS k FROM range(10000)",
      file: 'file_number',
      row: 'file_row',
      keyColumns: ['k'],
    };
    await dropWithinBatch(session, rows);
    await dropExisting(session, rows, ["SELECT 'k' || range AS k FROM range(1000)"]);
    expect(await survivors(rows)).toHaveLength(3000);
    expect((await droppedRows(session)).count).toBe(7000);
  });
});
