import { describe, expect, it } from 'vitest';

import {
  compileDecoder,
  openEnvelope,
  parseAvroSchema,
  sealEnvelope,
} from '../../src/avro/index.ts';
import type { JsonValue } from '../../src/base/index.ts';
import { decodeAll, decoderOf, oracle, parquetRowsOf, rowsOf } from './messages.ts';
import { decimalBytes } from './schemas.ts';

const record = (...types: JsonValue[]): JsonValue => ({
  type: 'record',
  name: 'r',
  fields: types.map((type, index) => ({ name: `f${String(index)}`, type })),
});

/** What becomes of bytes as a message with one field of the type. */
async function codeOf(type: JsonValue, ...bytes: number[]): Promise<string | null> {
  const decoder = await decoderOf(record(type));
  const fault = decoder.append(Uint8Array.from(bytes), 0, bytes.length);
  expect(decoder.rowCount).toBe(fault === null ? 1 : 0);
  return fault?.code ?? null;
}

const union = ['null', 'int', 'string'];
const longs = { type: 'array', items: 'long' };
const minusOne = 0x01;

describe('a message', () => {
  it.each<[string, JsonValue, number[], string | null]>([
    ['of nothing', 'int', [], 'AVRO_TRUNCATED'],
    ['that ends in a number', 'long', [0x80, 0x80], 'AVRO_TRUNCATED'],
    ['with a number in more bytes than needed', 'int', [0x82, 0x80, 0x80, 0x80, 0x00], null],
    ['with the least long', 'long', [...Array<number>(9).fill(0xff), 0x01], null],
    ['with a number of 65 bits', 'long', [...Array<number>(9).fill(0xff), 0x03], 'AVRO_BAD_NUMBER'],
    ['with a number of 11 bytes', 'long', Array<number>(11).fill(0x80), 'AVRO_BAD_NUMBER'],
    ['with the greatest int', 'int', [0xfe, 0xff, 0xff, 0xff, 0x0f], null],
    ['with an int of 33 bits', 'int', [0x80, 0x80, 0x80, 0x80, 0x10], 'AVRO_BAD_NUMBER'],
    ['with a third truth', 'boolean', [2], 'AVRO_BAD_BOOLEAN'],
    ['with a text of negative length', 'string', [minusOne], 'AVRO_BAD_LENGTH'],
    ['with a text beyond the end', 'string', [0x04, 0x61], 'AVRO_TRUNCATED'],
    ['with a text of 2^31 bytes', 'string', [0x80, 0x80, 0x80, 0x80, 0x10], 'AVRO_TRUNCATED'],
    ['with a text of 2^62 bytes', 'string', [...Array<number>(9).fill(0x80), 1], 'AVRO_TRUNCATED'],
    ['with half a character', 'string', [0x02, 0xc3], 'AVRO_BAD_UTF8'],
    ['with a surrogate', 'string', [0x06, 0xed, 0xa0, 0x80], 'AVRO_BAD_UTF8'],
    [
      'with half a character in a long text',
      'string',
      [0xc8, 0x01, ...Array<number>(99).fill(97), 0xc3],
      'AVRO_BAD_UTF8',
    ],
    ['with half a character in bytes', 'bytes', [0x02, 0xc3], null],
    ['with an unknown branch', union, [0x06], 'AVRO_BAD_UNION'],
    ['with a negative branch', union, [minusOne], 'AVRO_BAD_UNION'],
    [
      'with an unknown symbol',
      { type: 'enum', name: 'e', symbols: ['A'] },
      [0x02],
      'AVRO_BAD_ENUM',
    ],
    ['with more items than bytes', longs, [0xfe, 0xff, 0xff, 0xff, 0x0f, 0], 'AVRO_BAD_LENGTH'],
    [
      'with a block of a wild count',
      longs,
      [...Array<number>(9).fill(0xff), 0x01, 0],
      'AVRO_BAD_LENGTH',
    ],
    ['with a block that says its size', longs, [0x03, 0x04, 0x02, 0x04, 0x00], null],
    ['with bytes left', 'int', [0x02, 0x00], 'AVRO_TRAILING_BYTES'],
    [
      'with a key twice',
      { type: 'map', values: 'int' },
      [0x04, 0x02, 0x61, 0, 0x02, 0x61, 0, 0],
      'AVRO_DUPLICATE_KEY',
    ],
    [
      'with a timestamp beyond 64 bits of microseconds',
      { type: 'long', logicalType: 'timestamp-millis' },
      [...Array<number>(9).fill(0xfe), 0x01],
      'AVRO_OUT_OF_RANGE',
    ],
    [
      'with a decimal of no bytes',
      { type: 'bytes', logicalType: 'decimal', precision: 1 },
      [0],
      'AVRO_BAD_DECIMAL',
    ],
    [
      'with a decimal that fits',
      { type: 'bytes', logicalType: 'decimal', precision: 1 },
      [0x02, 0xf7],
      null,
    ],
    [
      'with a decimal of a digit too many',
      { type: 'bytes', logicalType: 'decimal', precision: 1 },
      [0x02, 0xf6],
      'AVRO_DECIMAL_OVERFLOW',
    ],
  ])('%s is judged', async (_, type, bytes, code) => {
    expect(await codeOf(type, ...bytes)).toBe(code);
  });

  it('with a key twice among many is a fault too', async () => {
    const type = record({ type: 'map', values: 'int' });
    const entries = Object.fromEntries(
      Array.from({ length: 40 }, (_, i) => [`k${String(i + 10)}`, i]),
    );
    const message = oracle(type).toBuffer({ f0: entries });
    const decoder = await decoderOf(type);
    expect(decoder.append(message, 0, message.length)).toBeNull();
    const broken = Buffer.from(message.toString('latin1').replace('k49', 'k10'), 'latin1');
    expect(decoder.append(broken, 0, broken.length)?.code).toBe('AVRO_DUPLICATE_KEY');
  });

  it('cannot make a reader pass over items without end that take no bytes', async () => {
    const writer = {
      type: 'record',
      name: 'r',
      fields: [
        { name: 'nulls', type: { type: 'array', items: 'null' } },
        { name: 'f0', type: 'int' },
      ],
    };
    const decoder = await decoderOf(writer, record('int'));
    const many = Uint8Array.from([0x80, 0x80, 0x80, 0x80, 0x80, 0x20, 0x00, 0x02]);
    expect(decoder.append(many, 0, many.length)?.code).toBe('AVRO_TOO_LARGE');
    expect(await decodeAll(decoder, [Uint8Array.from([0x06, 0x00, 0x02])])).toEqual([{ f0: 1 }]);
  });

  it('is told from its neighbours in the same bytes', async () => {
    const decoder = await decoderOf(record('string'));
    const bytes = Buffer.from('\x02a\x04bc\x06def');
    decoder.start();
    for (const [start, end] of [
      [0, 2],
      [2, 5],
      [5, 9],
    ] as const) {
      expect(decoder.append(bytes, start, end)).toBeNull();
    }
    expect(decoder.append(bytes, 0, 1)?.reason).toMatch(/at byte 1 of the message/);
    expect(await rowsOf(decoder.finish())).toEqual([{ f0: 'a' }, { f0: 'bc' }, { f0: 'def' }]);
  });
});

describe('a batch', () => {
  it('holds tombstones as nulls of the whole, and what is nested in them', async () => {
    const schema = record('string', ['null', 'long'], longs, record('int'));
    const named = JSON.parse(
      JSON.stringify(schema).replace('"name":"r"', '"name":"outer"'),
    ) as JsonValue;
    const decoder = await decoderOf(named);
    const message = oracle(named).toBuffer({
      f0: 'x',
      f1: { long: 7n },
      f2: [1n, 2n],
      f3: { f0: 3 },
    });
    decoder.start();
    expect(decoder.appendNull()).toBeNull();
    expect(decoder.append(message, 0, message.length)).toBeNull();
    expect(decoder.appendNull()).toBeNull();
    const data = decoder.finish();
    expect([data.length, data.nullCount, data.getValid(0), data.getValid(1)]).toEqual([
      3,
      2,
      false,
      true,
    ]);
    expect((await rowsOf(data))[1]).toEqual({ f0: 'x', f1: 7n, f2: [1n, 2n], f3: { f0: 3 } });
  });

  it('is whole until the next one begins, which starts anew', async () => {
    const decoder = await decoderOf(record('string', 'long'));
    const type = oracle(record('string', 'long'));
    const of = (count: number, text: string): Buffer[] =>
      Array.from({ length: count }, (_, index) => type.toBuffer({ f0: text, f1: BigInt(index) }));
    decoder.start();
    for (const message of of(3000, 'first')) decoder.append(message, 0, message.length);
    const rows = await parquetRowsOf(decoder.finish());
    expect([rows.length, rows[2999]]).toEqual([3000, { f0: 'first', f1: 2999n }]);
    expect(await decodeAll(decoder, of(2, 'x'))).toEqual([
      { f0: 'x', f1: 0n },
      { f0: 'x', f1: 1n },
    ]);
    const [message = Buffer.of()] = of(1, 'forgotten');
    decoder.append(message, 0, message.length);
    decoder.start();
    expect(decoder.rowCount).toBe(0);
    expect((await rowsOf(decoder.finish())).length).toBe(0);
  });

  it('holds texts that repeat, and stop repeating in the middle, with nulls and enums between', async () => {
    const symbols = { type: 'enum', name: 'e', symbols: ['A', 'B', 'C'] };
    const type = record(['null', 'string'], symbols, { type: 'map', values: 'string' }, 'bytes');
    const decoder = await decoderOf(type);
    const values = Array.from({ length: 5000 }, (_, n) => ({
      f0: n % 7 === 0 ? null : n < 2000 ? `v${String(n % 5)}` : `own ${String(n)}`,
      f1: ['A', 'B', 'C'][n % 3] ?? '',
      f2: { a: `m${String(n < 3000 ? n % 2 : n)}`, b: '' },
      f3: Buffer.from(n < 4000 ? 'x' : String(n)),
    }));
    for (const round of [0, 1]) {
      decoder.start();
      for (const value of values) {
        const f0 = value.f0 === null ? null : { string: value.f0 };
        const message = oracle(type).toBuffer({ ...value, f0 });
        expect(decoder.append(message, 0, message.length)).toBeNull();
      }
      const expected = values.map((value) => ({ ...value, f3: Uint8Array.from(value.f3) }));
      expect(await parquetRowsOf(decoder.finish()), `round ${String(round)}`).toEqual(expected);
    }
  });

  it('finds a broken text each time, also one that came before', async () => {
    const decoder = await decoderOf(record('string'));
    const good = Uint8Array.of(0x02, 0x61);
    const broken = Uint8Array.of(0x02, 0xff);
    for (let n = 0; n < 3; n += 1) {
      expect(decoder.append(good, 0, 2)).toBeNull();
      expect(decoder.append(broken, 0, 2)?.code).toBe('AVRO_BAD_UTF8');
    }
    expect(await rowsOf(decoder.finish())).toEqual([{ f0: 'a' }, { f0: 'a' }, { f0: 'a' }]);
  });

  it('says that it is full before it takes more memory than it may, and goes on with the next', async () => {
    const schema = parseAvroSchema(JSON.stringify(record('string', longs)));
    const decoder = await compileDecoder(schema, { columnBytesMax: 65_536 });
    const messageOf = (n: number): Buffer =>
      oracle(record('string', longs)).toBuffer({ f0: String(n).padEnd(1000, 'x'), f1: [1n, 2n] });
    const message = messageOf(0);
    decoder.start();
    let fault = null;
    for (let n = 0; fault === null; n += 1) {
      const next = messageOf(n);
      fault = decoder.append(next, 0, next.length);
    }
    expect(fault.code).toBe('AVRO_BATCH_FULL');
    expect(decoder.rowCount).toBe(65);
    expect((await rowsOf(decoder.finish())).length).toBe(65);
    expect(decoder.append(message, 0, message.length)).toBeNull();
    decoder.start();
    const items = { f0: '', f1: Array.from({ length: 9000 }, () => 1n) };
    for (const value of [{ f0: 'x'.repeat(70_000), f1: [] }, items]) {
      const large = oracle(record('string', longs)).toBuffer(value);
      expect(decoder.append(large, 0, large.length)?.code).toBe('AVRO_TOO_LARGE');
    }
  });

  it('of a record with more fields than a function takes is read whole', async () => {
    const schema = record(...Array.from({ length: 300 }, () => ['null', 'int'] as const));
    const value = Object.fromEntries(
      Array.from({ length: 300 }, (_, index) => [
        `f${String(index)}`,
        index % 3 === 0 ? null : { int: index },
      ]),
    );
    const rows = await decodeAll(await decoderOf(schema), [oracle(schema).toBuffer(value)]);
    expect(rows).toEqual([
      Object.fromEntries(
        Array.from({ length: 300 }, (_, index) => [
          `f${String(index)}`,
          index % 3 === 0 ? null : index,
        ]),
      ),
    ]);
  });

  it('has timestamps in microseconds, of UTC or of none', async () => {
    const schema = record(
      { type: 'long', logicalType: 'timestamp-millis' },
      { type: 'long', logicalType: 'local-timestamp-micros' },
      { type: 'int', logicalType: 'date' },
    );
    const decoder = await decoderOf(schema);
    const message = oracle(schema).toBuffer({ f0: -1n, f1: 5n, f2: 20_000 });
    decoder.append(message, 0, message.length);
    const data = decoder.finish();
    expect(data.type.children.map((field) => String(field.type))).toEqual([
      'Timestamp<MICROSECOND, UTC>',
      'Timestamp<MICROSECOND>',
      'Date32<DAY>',
    ]);
    expect(await parquetRowsOf(data)).toEqual([{ f0: -1000n, f1: 5n, f2: 20_000 }]);
  });

  it('has decimals up to 38 digits, from bytes of any length', async () => {
    const schema = record({ type: 'bytes', logicalType: 'decimal', precision: 38, scale: 4 });
    const max = 10n ** 38n - 1n;
    const values = [max, -max, 0n, -1n, 255n, -256n];
    const messages = values.map((value) =>
      oracle(schema).toBuffer({ f0: decimalBytes(value, 20) }),
    );
    const decoder = await decoderOf(schema);
    expect(await decodeAll(decoder, messages)).toEqual(values.map((f0) => ({ f0 })));
    for (const value of [max + 1n, -max - 1n, 2n ** 127n, 2n ** 130n, -(2n ** 130n)]) {
      const message = oracle(schema).toBuffer({ f0: decimalBytes(value, 18) });
      expect(decoder.append(message, 0, message.length)?.code).toBe('AVRO_DECIMAL_OVERFLOW');
    }
  });
});

describe('a reader of another schema', () => {
  const read = async (writer: JsonValue, reader: JsonValue, value: unknown): Promise<unknown> => {
    const decoder = await decoderOf(record(writer), record(reader));
    const rows = await decodeAll(decoder, [oracle(record(writer)).toBuffer({ f0: value })]);
    return rows[0]?.['f0'];
  };

  it.each<[JsonValue, JsonValue, unknown, unknown]>([
    ['int', 'float', 16_777_217, 16_777_216],
    ['long', 'float', 3n, 3],
    ['int', 'double', -5, -5],
    ['long', 'double', 2n ** 60n, 2 ** 60],
    ['float', 'double', 0.5, 0.5],
    ['bytes', 'string', Buffer.from('é'), 'é'],
    ['int', { type: 'long', logicalType: 'timestamp-millis' }, 2, 2000n],
    [
      { type: 'long', logicalType: 'timestamp-millis' },
      { type: 'long', logicalType: 'timestamp-micros' },
      2n,
      2000n,
    ],
    [
      { type: 'long', logicalType: 'timestamp-micros' },
      { type: 'long', logicalType: 'timestamp-millis' },
      2n,
      2n,
    ],
    [{ type: 'long', logicalType: 'timestamp-millis' }, 'long', 2n, 2n],
    [['int', 'string'], ['string', 'long'], { int: 1 }, { member0: null, member1: 1n }],
    ['int', ['null', 'string', 'int'], 1, { member0: null, member1: 1 }],
    ['int', ['null', 'long', 'int'], 1, 1n],
    [['null', 'int'], 'int', { int: 1 }, 1],
    [
      { type: 'enum', name: 'e', symbols: ['A', 'B'] },
      { type: 'enum', name: 'x.e', symbols: ['C', 'A'], default: 'C' },
      'B',
      'C',
    ],
    [
      { type: 'fixed', name: 'old', size: 1 },
      { type: 'fixed', name: 'new', aliases: ['old'], size: 1 },
      Buffer.of(1),
      Uint8Array.of(1),
    ],
  ])('%j as %j', async (writer, reader, value, expected) => {
    expect(await read(writer, reader, value)).toEqual(expected);
  });

  it.each<[JsonValue, JsonValue]>([
    ['long', 'int'],
    ['string', 'int'],
    ['int', { type: 'array', items: 'int' }],
    [
      { type: 'fixed', name: 'x', size: 1 },
      { type: 'fixed', name: 'x', size: 2 },
    ],
    [
      { type: 'enum', name: 'x', symbols: ['A'] },
      { type: 'enum', name: 'y', symbols: ['A'] },
    ],
    [
      { type: 'int', logicalType: 'date' },
      { type: 'int', logicalType: 'time-millis' },
    ],
    [
      { type: 'bytes', logicalType: 'decimal', precision: 4, scale: 1 },
      { type: 'bytes', logicalType: 'decimal', precision: 4, scale: 2 },
    ],
    [['null', 'string'], 'int'],
  ])('%j as %j is refused', async (writer, reader) => {
    await expect(decoderOf(record(writer), record(reader))).rejects.toMatchObject({
      code: 'AVRO_INCOMPATIBLE',
    });
  });

  it('who lacks a field without a default is refused by its name', async () => {
    await expect(decoderOf(record('int'), record('int', 'int'))).rejects.toThrow(/f1/);
  });

  it('who lacks a branch or a symbol reads the other messages', async () => {
    const symbols = (...names: string[]): JsonValue => ({
      type: 'enum',
      name: 'e',
      symbols: names,
    });
    const writer = record(['null', 'int', 'string'], symbols('A', 'B'));
    const decoder = await decoderOf(writer, record(['int', 'null'], symbols('B')));
    const code = (f0: unknown, f1: string): string | null => {
      const message = oracle(writer).toBuffer({ f0, f1 });
      return decoder.append(message, 0, message.length)?.code ?? null;
    };
    expect([
      code({ int: 1 }, 'B'),
      code({ string: '' }, 'B'),
      code(null, 'B'),
      code(null, 'A'),
    ]).toEqual([null, 'AVRO_UNREADABLE', null, 'AVRO_BAD_ENUM']);
    expect(await rowsOf(decoder.finish())).toEqual([
      { f0: 1, f1: 'B' },
      { f0: null, f1: 'B' },
    ]);
  });

  it('takes defaults of every type', async () => {
    const fields: JsonValue[] = [
      { name: 'a', type: 'string', default: 'é"\'`${x}' },
      { name: 'b', type: 'bytes', default: '\u0000\u00ff' },
      {
        name: 'c',
        type: { type: 'map', values: ['null', 'double'] },
        default: { k: null, l: 1.5 },
      },
      {
        name: 'd',
        type: { type: 'array', items: record('long') },
        default: [{ f0: 1 }, { f0: -2 }],
      },
      { name: 'e', type: ['int', 'null'], default: 7 },
      { name: 'f', type: { type: 'enum', name: 'e', symbols: ['A', 'B'] }, default: 'B' },
      { name: 'g', type: { type: 'fixed', name: 'x', size: 1 }, default: 'x' },
      { name: 'h', type: 'float', default: 0.25 },
      { name: 'i', type: 'boolean', default: true },
      { name: 'j', type: 'null', default: null },
    ];
    const reader = { type: 'record', name: 'outer', fields };
    const writer = { type: 'record', name: 'outer', fields: [{ name: 'gone', type: 'int' }] };
    const rows = await decodeAll(await decoderOf(writer, reader), [Uint8Array.of(2)]);
    expect(rows).toEqual([
      {
        a: 'é"\'`${x}',
        b: Uint8Array.of(0, 255),
        c: { k: null, l: 1.5 },
        d: [{ f0: 1n }, { f0: -2n }],
        e: 7,
        f: 'B',
        g: Uint8Array.from(Buffer.from('x')),
        h: 0.25,
        i: true,
      },
    ]);
  });

  it('reads on where a message no longer fitted within a default', async () => {
    const items = Array.from({ length: 1000 }, () => 1);
    const fields: JsonValue[] = [
      { name: 'f0', type: 'int' },
      { name: 'f1', type: longs, default: items },
    ];
    const reader = parseAvroSchema(JSON.stringify({ type: 'record', name: 'r', fields }));
    const writer = parseAvroSchema(JSON.stringify(record('int')));
    const decoder = await compileDecoder(writer, { reader, columnBytesMax: 65_536 });
    const messages = Uint8Array.of(2, 4);
    while (decoder.append(messages, 0, 1) === null);
    decoder.start();
    expect(decoder.append(messages, 1, 2)).toBeNull();
    expect(await rowsOf(decoder.finish())).toEqual([{ f0: 2, f1: items.map(BigInt) }]);
  });
});

describe('the envelope', () => {
  it('opens as it was sealed', () => {
    const sealed = sealEnvelope(4_294_967_295, Uint8Array.of(9));
    expect([...sealed]).toEqual([0, 255, 255, 255, 255, 9]);
    expect(openEnvelope(sealed)).toEqual({ schemaId: 4_294_967_295, start: 5 });
    expect(openEnvelope(Uint8Array.of(0, 0, 0, 1, 2))).toEqual({ schemaId: 258, start: 5 });
  });

  it.each([[[]], [[0, 0, 0, 1]], [[1, 0, 0, 0, 1, 2]]])('is not in %j', (bytes) => {
    expect(openEnvelope(Uint8Array.from(bytes))).toMatchObject({ code: 'AVRO_NO_ENVELOPE' });
  });
});
