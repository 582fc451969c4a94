import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { createTable, type Row } from '../../../src/index.ts';
import { expect, test } from 'vitest';

/** What statements to the engine call, or could call, something of their own. */
const NAMES =
  'r h p m t s b k n row rows file place source target clause differs latest block low high key key_0 bad hits batch ' +
  'dropped occurrence file_number file_row file_row_number file_index filename rowid unmatched updated deleted scan value ' +
  'struct input old new part partition seq number bits merge_source pairs';

const PLAIN = NAMES.split(' ').map((_, index) => `c${String(index)}`);

const ROW_COUNT = 600;

/** The rows, whatever their columns are called, after everything that can be done to a table. */
async function rowsAfterAll(
  uri: string,
  names: readonly string[],
  properties: Readonly<Record<string, string>>,
): Promise<readonly string[]> {
  const [key = '', other = '', struct = '', part = '', ...rest] = names;
  const schema = [
    `${key} BIGINT`,
    `${other} STRING`,
    `${struct} STRUCT<x: BIGINT>`,
    `${part} STRING`,
    ...rest.map((name) => `${name} BIGINT`),
  ].join(', ');
  const table = await createTable(uri, { schema, partitionBy: [part], properties });
  const row = (i: number, text: string): Row => ({
    [key]: BigInt(i),
    [other]: text,
    [struct]: { x: BigInt(i) },
    [part]: `p${String(i % 3)}`,
    ...Object.fromEntries(rest.map((name, index) => [name, BigInt(i * 10 + index)])),
  });
  const range = (from: number, count: number, text: string): readonly Row[] =>
    Array.from({ length: count }, (_, index) => row(from + index, text));
  try {
    await table.append({ rows: range(0, ROW_COUNT, 'a') });
    await table.append({ rows: range(ROW_COUNT, ROW_COUNT, 'b') });
    await table.delete({ where: `${key} % 7 = 3` });
    await table.update({ set: { [other]: `concat(${other}, '!')` }, where: `${key} % 5 = 2` });
    await table.merge({
      source: { rows: range(ROW_COUNT / 2, 2 * ROW_COUNT, 'm') },
      on: `t.${key} = s.${key}`,
      whenMatched: [{ condition: `s.${key} % 4 = 1`, delete: true }, { update: '*' }],
      whenNotMatched: [{ insert: '*' }],
      whenNotMatchedBySource: [{ condition: `t.${key} < 50`, delete: true }],
    });
    await table.delete({ where: `${key} % 11 = 1` });
    await table.overwrite({ rows: [row(7, 'o')] }, { replaceWhere: `${key} = 7` });
    await table.optimize({ sortBy: [other, key] });
    await table.optimize({ zOrderBy: [key] });
    await table.reorg();
    const found: string[] = [];
    for await (const each of table.scan()) {
      const values = names.map((name) => each[name]);
      found.push(
        JSON.stringify(values, (_, value) => (typeof value === 'bigint' ? String(value) : value)),
      );
    }
    return found.toSorted();
  } finally {
    await table.close();
  }
}

test.each([
  ['plain', {}],
  [
    'with vectors, row tracking and changes',
    {
      'delta.enableDeletionVectors': 'true',
      'delta.enableRowTracking': 'true',
      'delta.enableChangeDataFeed': 'true',
    },
  ],
])('what columns are called changes no row of a table that is %s', async (_kind, properties) => {
  const root = await mkdtemp(join(tmpdir(), 'names-'));
  try {
    const expected = await rowsAfterAll(join(root, 'plain'), PLAIN, properties);
    expect(expected.length).toBeGreaterThan(ROW_COUNT);
    const names = NAMES.split(' ');
    // Several names in turn are the key, a text, a struct and the partition column.
    for (let turn = 0; turn < names.length; turn += 16) {
      const turned = [...names.slice(turn), ...names.slice(0, turn)];
      const rows = await rowsAfterAll(join(root, String(turn)), turned, properties);
      expect(rows, turned[0]).toEqual(expected);
    }
  } finally {
    await rm(root, { recursive: true });
  }
});
