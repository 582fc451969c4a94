import { describe, expect, it } from 'vitest';

import { type AvroSchema, avroToDelta, parseAvroSchema } from '../../src/avro/index.ts';
import type { JsonValue } from '../../src/base/index.ts';
import { typeName } from '../../src/schema/index.ts';

function parse(schema: JsonValue, references: Record<string, string> = {}): AvroSchema {
  return parseAvroSchema(JSON.stringify(schema), {
    references: new Map(Object.entries(references)),
  });
}

const record = (fields: JsonValue, more: Record<string, JsonValue> = {}): JsonValue => ({
  type: 'record',
  name: 'r',
  fields,
  ...more,
});
const field = (type: JsonValue, more: Record<string, JsonValue> = {}): JsonValue => ({
  name: 'f',
  type,
  ...more,
});
const one = (type: JsonValue, more: Record<string, JsonValue> = {}): JsonValue =>
  record([field(type, more)]);
const columns = (type: JsonValue): string => typeName(avroToDelta(parse(one(type))));

function codeOf(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error instanceof Error && 'code' in error ? error.code : error;
  }
  return null;
}

describe('an Avro schema', () => {
  it('has names in namespaces, and refers to what was declared before', () => {
    const inner = { type: 'enum', name: 'e', symbols: ['A'], aliases: ['old', 'x.older'] };
    const schema = parse(
      record(
        [
          { name: 'a', type: inner },
          { name: 'b', type: 'e' },
          { name: 'c', type: ['null', 'n.s.e'] },
        ],
        { namespace: 'n.s' },
      ),
    );
    expect(schema).toMatchObject({ kind: 'record', name: 'n.s.r' });
    const type = { kind: 'enum', name: 'n.s.e', aliases: ['n.s.old', 'x.older'] };
    expect(schema).toMatchObject({
      fields: [{ type }, { type }, { type: { branches: [{ kind: 'null' }, type] } }],
    });
  });

  it('takes types from references, which refer to each other', () => {
    const references = {
      'x.A': JSON.stringify({ type: 'record', name: 'x.A', fields: [field('x.B')] }),
      'x.B': JSON.stringify({ type: 'fixed', name: 'B', namespace: 'x', size: 2 }),
    };
    const schema = parse(record([field('x.A'), { name: 'g', type: 'x.B' }]), references);
    expect(typeName(avroToDelta(schema))).toBe(
      'struct<f:struct<f:binary not null> not null,g:binary not null>',
    );
  });

  it.each<[string, JsonValue]>([
    ['is a number', 7],
    ['has no type', {}],
    ['has an unknown type', one('nothing')],
    ['has a field without a type', record([{ name: 'f' }])],
    ['has fields that are no array', record({})],
    ['has a field with a bad name', record([{ name: 'a-b', type: 'int' }])],
    ['has two fields of a name', record([field('int'), field('long')])],
    ['has a bad name', { type: 'enum', name: "x');evil('", symbols: ['A'] }],
    ['has no name', { type: 'enum', symbols: ['A'] }],
    ['has a primitive name', { type: 'enum', name: 'int', symbols: ['A'] }],
    ['has no symbols', { type: 'enum', name: 'e' }],
    ['has a symbol twice', { type: 'enum', name: 'e', symbols: ['A', 'A'] }],
    ['has a bad symbol', { type: 'enum', name: 'e', symbols: ['A b'] }],
    ['has a default that is no symbol', { type: 'enum', name: 'e', symbols: ['A'], default: 'B' }],
    ['has a union of none', one([])],
    ['has a union in a union', one([['int'], 'null'])],
    ['has a union with a type twice', one(['int', 'int'])],
    ['has a fixed without a size', one({ type: 'fixed', name: 'x' })],
    ['has a fixed of a negative size', one({ type: 'fixed', name: 'x', size: -1 })],
    ['declares a name twice', record([field({ type: 'enum', name: 'r', symbols: ['A'] })])],
    ['has an int default for a text', one('string', { default: 1 })],
    ['has a default beyond an int', one('int', { default: 2 ** 31 })],
    ['has a default in no branch', one(['null', 'int'], { default: 'x' })],
    [
      'has a default of the wrong size',
      one({ type: 'fixed', name: 'x', size: 2 }, { default: 'x' }),
    ],
    ['has bytes beyond U+00FF', one('bytes', { default: 'ā' })],
    ['has a default without a field', one(one('int'), { default: {} })],
  ])('that %s is refused', (_, schema) => {
    expect(codeOf(() => parse(schema))).toBe('AVRO_BAD_SCHEMA');
  });

  it('that is not JSON is refused, with the place', () => {
    expect(() => parseAvroSchema('{')).toThrow(/not JSON.*place=\$/);
    expect(() => parse(one('x.A'), { 'x.A': '"int"' })).toThrow(/place=references\.x\.A/);
  });

  it.each<[string, JsonValue, Record<string, string>]>([
    ['directly', one(['null', 'r']), {}],
    ['in an array', one({ type: 'array', items: 'r' }), {}],
    [
      'by way of another',
      one({ type: 'record', name: 's', fields: [field({ type: 'map', values: 'r' })] }),
      {},
    ],
    [
      'by way of references',
      one('A'),
      {
        A: JSON.stringify({ type: 'record', name: 'A', fields: [field('B')] }),
        B: JSON.stringify({ type: 'record', name: 'B', fields: [field('A')] }),
      },
    ],
  ])('that holds itself %s is refused by name', (_, schema, references) => {
    expect(codeOf(() => parse(schema, references))).toBe('AVRO_RECURSIVE');
  });

  it('that grows without bounds is refused, however small its text', () => {
    let previous: JsonValue = 'int';
    const fields: JsonValue[] = [];
    for (let level = 0; level < 30; level += 1) {
      const inner = ['a', 'b'].map((name) => ({ name, type: previous }));
      fields.push({
        name: `f${String(level)}`,
        type: { type: 'record', name: `R${String(level)}`, fields: inner },
      });
      previous = `R${String(level)}`;
    }
    expect(codeOf(() => parse(record(fields)))).toBe('AVRO_SCHEMA_TOO_LARGE');
    const text = `{"type":`.repeat(20_000) + '"int"' + '}'.repeat(20_000);
    expect(codeOf(() => parseAvroSchema(text))).toBe('AVRO_SCHEMA_TOO_LARGE');
  });
});

describe('the columns of a schema', () => {
  it.each<[JsonValue, string]>([
    ['boolean', 'boolean'],
    ['int', 'int'],
    ['long', 'bigint'],
    ['float', 'float'],
    ['double', 'double'],
    ['bytes', 'binary'],
    ['string', 'string'],
    [{ type: 'enum', name: 'e', symbols: ['A'] }, 'string'],
    [{ type: 'fixed', name: 'x', size: 3 }, 'binary'],
    [{ type: 'int', logicalType: 'date' }, 'date'],
    [{ type: 'int', logicalType: 'time-millis' }, 'int'],
    [{ type: 'long', logicalType: 'time-micros' }, 'bigint'],
    [{ type: 'long', logicalType: 'timestamp-millis' }, 'timestamp'],
    [{ type: 'long', logicalType: 'timestamp-micros' }, 'timestamp'],
    [{ type: 'long', logicalType: 'local-timestamp-millis' }, 'timestamp_ntz'],
    [{ type: 'long', logicalType: 'local-timestamp-micros' }, 'timestamp_ntz'],
    [{ type: 'string', logicalType: 'uuid' }, 'string'],
    [{ type: 'bytes', logicalType: 'decimal', precision: 9, scale: 2 }, 'decimal(9,2)'],
    [{ type: 'fixed', name: 'x', size: 4, logicalType: 'decimal', precision: 9 }, 'decimal(9,0)'],
    [{ type: 'fixed', name: 'x', size: 12, logicalType: 'duration' }, 'binary'],
    [{ type: 'fixed', name: 'x', size: 3, logicalType: 'decimal', precision: 9 }, 'binary'],
    [{ type: 'bytes', logicalType: 'decimal', precision: 2, scale: 3 }, 'binary'],
    [{ type: 'string', logicalType: 'date' }, 'string'],
    [['string'], 'string'],
    [['int', 'long'], 'bigint'],
    [['double', 'float'], 'double'],
  ])('have for %j the type %s', (type, delta) => {
    expect(columns(type)).toBe(`struct<f:${delta} not null>`);
  });

  it('can be null for unions with null, and hold a member for each type of others', () => {
    expect(columns(['int', 'null'])).toBe('struct<f:int>');
    expect(columns(['null', 'int', 'long'])).toBe('struct<f:bigint>');
    const members = 'struct<member0:int,member1:string>';
    expect(columns(['int', 'string'])).toBe(`struct<f:${members} not null>`);
    expect(columns(['int', 'null', 'string'])).toBe(`struct<f:${members}>`);
    expect(columns({ type: 'array', items: ['null', 'int'] })).toMatch(/array<int>/);
    expect(columns({ type: 'map', values: 'int' })).toMatch(/map<string,int/);
  });

  it('are none for fields that can only be null', () => {
    const schema = parse(record([field('null'), { name: 'g', type: 'int' }]));
    expect(typeName(avroToDelta(schema))).toBe('struct<g:int not null>');
  });

  it.each<[string, JsonValue, string]>([
    ['no record', 'int', 'AVRO_NOT_RECORD'],
    ['a record without columns', record([]), 'AVRO_NO_COLUMN'],
    ['an array of nulls', one({ type: 'array', items: 'null' }), 'AVRO_NO_COLUMN'],
    [
      'a decimal of too many digits',
      one({ type: 'bytes', logicalType: 'decimal', precision: 39 }),
      'AVRO_NO_COLUMN',
    ],
  ])('are refused for %s', (_, schema, code) => {
    expect(codeOf(() => avroToDelta(parse(schema)))).toBe(code);
  });
});
