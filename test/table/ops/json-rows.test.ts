import { describe, expect, test } from 'vitest';

import { ManualClock } from '../../../src/base/index.ts';
import { parseDdl } from '../../../src/schema/index.ts';
import { memoryStore } from '../../../src/store/index.ts';
import { type JsonRow, readJsonRows } from '../../../src/table/ops/json-rows.ts';

const SCHEMA = parseDdl(
  'id bigint, ratio double, price decimal(38,18), tags map<string, double>, at struct<Zone: string>',
);

async function rowsOf(content: string | Uint8Array, schema = SCHEMA): Promise<JsonRow[]> {
  const store = memoryStore({ clock: new ManualClock(), name: 'in' });
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
  await store.put('a.jsonl', bytes, { kind: 'create' });
  const file = { store, path: 'a.jsonl', sizeBytes: bytes.length };
  return Array.fromAsync(readJsonRows(file, schema));
}

describe('rows of JSON lines', () => {
  test('long numbers are what their column needs', async () => {
    const text =
      '{"id":9007199254740993,"ratio":0.30000000000000004,"price":0.300000000000000004,"tags":{"k":1.00000000000000002}}';
    expect(await rowsOf(text)).toEqual([
      {
        line: 1,
        row: {
          id: 9007199254740993n,
          ratio: 0.30000000000000004,
          price: '0.300000000000000004',
          tags: new Map([['k', 1]]),
        },
      },
    ]);
  });

  test('members are found ignoring case; unknown ones stay, absent ones stay away', async () => {
    expect(await rowsOf('\n{"ID":1,"at":{"zone":"Z","x":[true]},"more":{"Y":null}}\r\n\n')).toEqual(
      [{ line: 2, row: { id: 1, at: { Zone: 'Z', x: [true] }, more: { Y: null } } }],
    );
  });

  test('columns of text take whatever else stands there as it is spelled', async () => {
    const line =
      ' {"s": 1.50, "l" : [1e3,true,null,"x", {"a" : [1, "]}\\"" ] } ,[] ], "m":{"k\\u0041":-0.0,"k":{}},' +
      '"o":{"S": 12345678901234567890 },"s":  {"late" :1.0}, "n":1.50}\r';
    const schema = parseDdl('s string, l array<string>, m map<string,string>, o struct<s: string>');
    expect(await rowsOf(line, schema)).toEqual([
      {
        line: 1,
        row: {
          s: '{"late" :1.0}',
          l: ['1e3', 'true', null, 'x', '{"a" : [1, "]}\\"" ] }', '[]'],
          m: new Map([
            ['kA', '-0.0'],
            ['k', '{}'],
          ]),
          o: { s: '12345678901234567890' },
          n: 1.5,
        },
      },
    ]);
  });

  test.each([
    ['{"id":1}\n{"id":', /^line 2 of a\.jsonl is not a row: the line is not JSON/],
    ['[1]', /^line 1 of .* not an object/],
    [new Uint8Array([0x22, 0xff, 0x22]), /^line 1 of .* not UTF-8/],
  ])('%s is refused', async (content, message) => {
    await expect(rowsOf(content)).rejects.toMatchObject({
      code: 'INPUT_BAD_LINE',
      kind: 'data',
      message: expect.stringMatching(message),
    });
  });
});
