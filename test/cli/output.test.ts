import { expect, test } from 'vitest';

import { bytesText, counted, rowLines, type RowFormat, toJson } from '../../src/cli/output.ts';
import type { Row } from '../../src/schema/index.ts';

async function* stream(rows: Iterable<Row>): AsyncGenerator<Row> {
  yield* rows;
}

async function linesOf(
  columns: readonly string[],
  rows: Iterable<Row>,
  format: RowFormat,
): Promise<string[]> {
  return Array.fromAsync(rowLines(columns, stream(rows), { format }));
}

test('CSV quotes what needs it, and tells an empty text from null', async () => {
  const rows = [
    { a: 'x,y', 'b"c': 'say "no"' },
    { a: 'two\nlines', 'b"c': null },
    { a: '', 'b"c': 'São Paulo' },
  ];
  expect(await linesOf(['a', 'b"c'], rows, 'csv')).toEqual([
    'a,"b""c"',
    '"x,y","say ""no"""',
    '"two\nlines",',
    '"",São Paulo',
  ]);
});

test('JSON lines keep every digit, and have a text where JSON has no value', async () => {
  const row: Row = {
    big: 9_007_199_254_740_993n,
    bytes: new Uint8Array([0, 255]),
    map: new Map([['k', 1n]]),
    nan: Number.NaN,
    infinite: Number.NEGATIVE_INFINITY,
    list: [1, null, { deep: -1n }],
  };
  expect(await linesOf([...Object.keys(row), 'missing'], [row], 'ndjson')).toEqual([
    '{"big":9007199254740993,"bytes":"0x00ff","map":[["k",1]],"nan":"NaN","infinite":"-Infinity",' +
      '"list":[1,null,{"deep":-1}],"missing":null}',
  ]);
});

test('a table lines its columns up, cuts long cells and shows no control characters', async () => {
  const rows = [
    { id: 1n, text: 'a\u001b[31mred\n' },
    { id: null, text: 'x'.repeat(70) },
  ];
  expect(await linesOf(['id', 'text'], rows, 'table')).toEqual([
    'id    text',
    `----  ${'-'.repeat(60)}`,
    '1     a [31mred',
    `null  ${'x'.repeat(59)}…`,
    '(2 rows)',
  ]);
});

test('a table without rows has its head, and one with many stops at a thousand', async () => {
  expect(await linesOf(['id'], [], 'table')).toEqual(['id', '--', '(0 rows)']);
  const endless = (function* (): Generator<Row> {
    for (let id = 1; ; id += 1) yield { id };
  })();
  const lines = await linesOf(['id'], endless, 'table');
  expect(lines.slice(-2)).toEqual(['1000', '(the first 1000 rows; --format ndjson prints all)']);
});

test('values, bytes and counts for people', () => {
  expect(toJson(new Date(0))).toBe('1970-01-01T00:00:00.000Z');
  expect([bytesText(999), bytesText(1500), bytesText(3e9)]).toEqual(['999 B', '1.5 kB', '3.0 GB']);
  expect([counted(1, 'row'), counted(0, 'row'), counted(2, 'batch', 'batches')]).toEqual([
    '1 row',
    '0 rows',
    '2 batches',
  ]);
});
