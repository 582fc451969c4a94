import { describe, expect, it } from 'vitest';

import {
  compileDecoder,
  compileEncoder,
  openEnvelope,
  parseAvroSchema,
} from '../../src/avro/index.ts';
import type { JsonValue } from '../../src/base/index.ts';
import type { RowValue } from '../../src/schema/index.ts';
import { rowsOf } from './messages.ts';

const one = (type: JsonValue): string =>
  JSON.stringify({ type: 'record', name: 'r', fields: [{ name: 'f', type }] });

async function roundTrip(type: JsonValue, value: RowValue): Promise<unknown> {
  const schema = parseAvroSchema(one(type));
  const sealed = (await compileEncoder(schema, 42))({ f: value });
  expect(openEnvelope(sealed)).toEqual({ schemaId: 42, start: 5 });
  const decoder = await compileDecoder(schema);
  expect(decoder.append(sealed, 5, sealed.length)).toBeNull();
  const [row] = await rowsOf(decoder.finish());
  return row?.['f'];
}

const decimal = { type: 'bytes', logicalType: 'decimal', precision: 38, scale: 2 };
const inner = { type: 'record', name: 's', fields: [{ name: 'a', type: ['null', 'long'] }] };

describe('a row as a message', () => {
  it.each<[JsonValue, RowValue, unknown]>([
    ['boolean', true, true],
    ['int', -7, -7],
    ['long', 2n ** 63n - 1n, 2n ** 63n - 1n],
    ['long', 5, 5n],
    ['float', 0.1, Math.fround(0.1)],
    ['double', 0.1, 0.1],
    ['string', 'né', 'né'],
    ['bytes', Uint8Array.of(1, 2), Uint8Array.of(1, 2)],
    [{ type: 'fixed', name: 'x', size: 2 }, Uint8Array.of(1, 2), Uint8Array.of(1, 2)],
    [{ type: 'enum', name: 'e', symbols: ['A', 'B'] }, 'B', 'B'],
    [{ type: 'int', logicalType: 'date' }, '1970-01-03', 2],
    [{ type: 'long', logicalType: 'timestamp-micros' }, '1970-01-01T00:00:01.000002Z', 1_000_002n],
    [{ type: 'long', logicalType: 'timestamp-millis' }, '1969-12-31T23:59:59.999999Z', -1000n],
    [{ type: 'long', logicalType: 'local-timestamp-millis' }, 5999n, 5000n],
    [decimal, '-1.28', -128n],
    [decimal, '1.28', 128n],
    [decimal, '0', 0n],
    [decimal, '-999999999999999999999999999999999999.99', -(10n ** 38n) + 1n],
    [{ ...decimal, type: 'fixed', name: 'x', size: 16 }, '-0.01', -1n],
    [['null', 'string'], null, null],
    [['null', 'string'], 'x', 'x'],
    [['int', 'long', 'null'], 5n, 5n],
    [['int', 'string'], { member1: 'x' }, { member0: null, member1: 'x' }],
    [{ type: 'array', items: 'int' }, [1, 2], [1, 2]],
    [{ type: 'map', values: 'int' }, new Map([['k', 1]]), { k: 1 }],
    [{ type: 'map', values: ['null', inner] }, [['k', { a: 1n }]], { k: { a: 1n } }],
    [inner, {}, { a: null }],
  ])('of %j holds what it is given, case %#', async (type, value, expected) => {
    expect(await roundTrip(type, value)).toEqual(expected);
  });

  it.each<[JsonValue, RowValue]>([
    ['int', 2 ** 31],
    ['int', null],
    ['string', 7],
    ['string', '\ud800'],
    [{ type: 'enum', name: 'e', symbols: ['A'] }, 'B'],
    [{ type: 'fixed', name: 'x', size: 2 }, Uint8Array.of(1)],
    [{ ...decimal, precision: 3 }, '12.34'],
    [['int', 'string'], null],
    [['int', 'string'], 5],
    [['int', 'string'], { member0: 5, member1: 'x' }],
    [{ type: 'array', items: 'int' }, 5],
    [{ type: 'map', values: 'int' }, { k: 1 }],
    [{ type: 'map', values: 'int' }, new Map([[1, 1]])],
    [inner, 5],
    ['null', 5],
  ])('of %j does not hold what it cannot, case %#', async (type, value) => {
    const schema = {
      type: 'record',
      name: 'r',
      fields: [
        { name: 'f', type },
        { name: 'g', type: ['null', 'int'] },
      ],
    };
    const encode = await compileEncoder(parseAvroSchema(JSON.stringify(schema)), 1);
    expect(() => encode({ f: value })).toThrow(
      expect.objectContaining({
        code: 'AVRO_BAD_VALUE',
        message: expect.stringMatching(/field=f/),
      }),
    );
  });

  it('has columns', async () => {
    await expect(compileEncoder(parseAvroSchema('"int"'), 1)).rejects.toMatchObject({
      code: 'AVRO_NOT_RECORD',
    });
  });
});
