import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  type ColumnStatistics,
  compareScalars,
  type FileStatistics,
  indexedSchema,
  parseDdl,
  parseSchema,
  parseStatistics,
  printStatistics,
  type Scalar,
} from '../../src/schema/index.ts';
import { anyText } from './arbitraries.ts';

const column = (
  min: Scalar | null,
  max: Scalar | null,
  nullCount: number | null = 0,
): ColumnStatistics => ({ min, max, nullCount, fields: null });

const file = (columns: Readonly<Record<string, ColumnStatistics>>): FileStatistics => ({
  rowCount: 3,
  columns: new Map(Object.entries(columns)),
});

const printed = (ddl: string, min: Scalar | null, max: Scalar | null): string => {
  const text = printStatistics(file({ c: column(min, max) }), parseDdl(`c ${ddl}`));
  return /"minValues":(.*),"nullCount"/.exec(text)?.[1]?.replace('"maxValues":', '') ?? '';
};

const bounds = (ddl: string, min: string, max: string): readonly (Scalar | null | undefined)[] => {
  const json = `{"minValues":{"c":${min}},"maxValues":{"c":${max}}}`;
  const read = parseStatistics(json, parseDdl(`c ${ddl}`))?.columns.get('c');
  return [read?.min, read?.max];
};

describe('printStatistics', () => {
  it('writes the whole text, nested columns and counts of arrays', () => {
    const statistics: FileStatistics = {
      rowCount: 3,
      tightBounds: false,
      columns: new Map([
        ['id', column(1n, 2n ** 63n - 1n)],
        ['s', { ...column(null, null, null), fields: new Map([['__proto__', column(1, 2, 1)]]) }],
        ['a', column(null, null, 2)],
        ['b', column(false, true, 0)],
        ['x', column(null, null, null)],
      ]),
    };
    const schema = parseDdl(
      'id bigint, s struct<__proto__:int>, a array<int>, b boolean, x int, missing int',
    );
    expect(printStatistics(statistics, schema)).toBe(
      '{"numRecords":3,"tightBounds":false,"minValues":{"id":1,"s":{"__proto__":1}},' +
        '"maxValues":{"id":9223372036854775807,"s":{"__proto__":2}},' +
        '"nullCount":{"id":0,"s":{"__proto__":1},"a":2,"b":0}}',
    );
    expect(parseStatistics(printStatistics(statistics, schema), schema)?.columns.get('s')).toEqual({
      ...column(null, null, null),
      fields: new Map([['__proto__', column(1, 2, 1)]]),
    });
  });

  it('rounds timestamps to milliseconds away from the values', () => {
    expect(printed('timestamp', 1_704_067_200_000_001n, 1_704_067_200_000_001n)).toBe(
      '{"c":"2024-01-01T00:00:00.000Z"},{"c":"2024-01-01T00:00:00.001Z"}',
    );
    expect(printed('timestamp_ntz', -1n, 1000n)).toBe(
      '{"c":"1969-12-31T23:59:59.999"},{"c":"1970-01-01T00:00:00.001"}',
    );
  });

  it('writes decimals with every digit, and zero in both signs', () => {
    expect(printed('decimal(38,2)', -(10n ** 37n), 1n)).toBe(
      `{"c":-1${'0'.repeat(35)}.00},{"c":0.01}`,
    );
    expect(printed('double', 0, -0)).toBe('{"c":-0.0},{"c":0.0}');
  });

  it('leaves out what no bound can be made of', () => {
    expect(printed('double', 1, Number.NaN)).toBe('{},{}');
    expect(printed('double', Number.NEGATIVE_INFINITY, 5)).toBe('{},{"c":5}');
    expect(printed('date', -800_000, 2_932_897)).toBe('{},{}');
    expect(printed('timestamp', 0n, 253_402_300_799_999_999n)).toBe(
      '{"c":"1970-01-01T00:00:00.000Z"},{}',
    );
    expect(printed('boolean', false, true)).toBe('{},{}');
    expect(printed('binary', Uint8Array.of(1), Uint8Array.of(2))).toBe('{},{}');
  });

  it('cuts texts to bounds of 32 units', () => {
    const a = 'a'.repeat(32);
    expect(printed('string', `${a}x`, `${a}x`)).toBe(`{"c":"${a}"},{"c":"${a}\u007F"}`);
    expect(printed('string', a, `${a}é`)).toBe(`{"c":"${a}"},{"c":"${a}\u{10FFFF}"}`);
    const greatest = '\u{10FFFF}'.repeat(40);
    expect(printed('string', greatest, greatest)).toBe(`{"c":"${greatest.slice(0, 32)}"},{}`);
  });

  it('never writes a bound that is tighter than the value, for any text', () => {
    const long = fc.tuple(
      anyText({ minLength: 10, maxLength: 40 }),
      fc.constantFrom('', '\u{10FFFF}', '\u{10FFFF}'.repeat(20), '\u007F', '~'),
    );
    fc.assert(
      fc.property(long, ([start, end]) => {
        const text = start + end;
        const schema = parseDdl('c string');
        const json = printStatistics(file({ c: column(text, text) }), schema);
        const read = parseStatistics(json, schema)?.columns.get('c');
        if (read?.min === null || read?.min === undefined) throw new Error('no minimum');
        expect(compareScalars(read.min, text)).toBeLessThanOrEqual(0);
        if (read.max !== null) expect(compareScalars(read.max, text)).toBeGreaterThanOrEqual(0);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('indexedSchema', () => {
  const names = (ddl: string, configuration: Record<string, string>): string =>
    indexedSchema(parseDdl(ddl), { partitionColumns: ['P'], configuration })
      .fields.map((field) =>
        field.type.kind === 'struct'
          ? `${field.name}(${field.type.fields.map((inner) => inner.name).join(' ')})`
          : field.name,
      )
      .join(' ');
  const ddl = 'p int, a int, s struct<x:int,y:array<int>,z:int>, `b,.c` int';

  it('counts leaves in order, partition columns left out', () => {
    expect(names(ddl, {})).toBe('a s(x y z) b,.c');
    expect(names(ddl, { 'delta.dataSkippingNumIndexedCols': '3' })).toBe('a s(x y)');
    expect(names(ddl, { 'delta.dataSkippingNumIndexedCols': '0' })).toBe('');
    expect(names(ddl, { 'delta.dataSkippingNumIndexedCols': 'many' })).toBe('a s(x y z) b,.c');
    const wide = Array.from({ length: 40 }, (_, index) => `c${String(index)} int`).join(', ');
    expect(indexedSchema(parseDdl(wide)).fields).toHaveLength(32);
    const all = { configuration: { 'delta.dataSkippingNumIndexedCols': '-1' } };
    expect(indexedSchema(parseDdl(wide), all).fields).toHaveLength(40);
  });

  it('takes named columns, ignoring case', () => {
    const named = (list: string): string => names(ddl, { 'delta.dataSkippingStatsColumns': list });
    expect(named('S.Z, `B,.C`')).toBe('s(z) b,.c');
    expect(named('s')).toBe('s(x y z)');
    expect(named('')).toBe('');
  });
});

describe('parseStatistics', () => {
  it('widens what its writer may have cut off', () => {
    const ms = '"2024-01-01T00:00:00.000Z"';
    expect(bounds('timestamp', ms, ms)).toEqual([1_704_067_200_000_000n, 1_704_067_200_001_000n]);
    const us = '"2024-01-01T00:00:00.000001Z"';
    expect(bounds('timestamp', us, us)).toEqual([1_704_067_200_000_001n, 1_704_067_200_000_001n]);
    const offset = '"2024-01-01T00:53:28.000000+00:53:28"';
    expect(bounds('timestamp', offset, offset)[0]).toBe(1_704_067_200_000_000n);
    const wide = '12345678901234567.89';
    expect(bounds('decimal(38,2)', wide, wide)).toEqual([
      1_234_567_890_123_456_789n - 275n,
      1_234_567_890_123_456_789n + 275n,
    ]);
  });

  it('widens decimals no further than their type goes', () => {
    const greatest = 10n ** 38n - 1n;
    const text = '9'.repeat(36) + '.99';
    expect(bounds('decimal(38,2)', `-${text}`, text)).toEqual([-greatest, greatest]);
  });

  it('keeps every digit of longs', () => {
    expect(bounds('bigint', '-9223372036854775808', '9007199254740993')).toEqual([
      -(2n ** 63n),
      9_007_199_254_740_993n,
    ]);
  });

  it('takes a float in its shortest digits for the float itself', () => {
    expect(bounds('float', '0.1', '0.10000000149011612')).toEqual([
      Math.fround(0.1),
      Math.fround(0.1),
    ]);
  });

  it('takes what is odd for unknown', () => {
    for (const [type, text] of [
      ['int', '1.5'],
      ['int', '3000000000'],
      ['int', '"1"'],
      ['bigint', '1e30'],
      ['bigint', '9223372036854775808'],
      ['double', '"NaN"'],
      ['double', '1e999'],
      ['decimal(4,2)', '1.005'],
      ['decimal(4,2)', '"1.00"'],
      ['date', '"2024-13-01"'],
      ['timestamp', '"2024-01-01T00:00:00"'],
      ['timestamp', '5'],
      ['string', '5'],
      ['boolean', '"true"'],
      ['binary', '"x"'],
      ['array<int>', '1'],
      ['struct<x:int>', '1'],
      ['int', '{"x":1}'],
      ['int', 'null'],
    ] as const) {
      expect(bounds(type, text, text)).toEqual([null, null]);
    }
    for (const json of ['', '[]', '{', 'null', '7', null, undefined]) {
      expect(parseStatistics(json, parseDdl('c int'))).toBeNull();
    }
    const odd = parseStatistics('{"numRecords":-1,"nullCount":{"c":"2"}}', parseDdl('c int'));
    expect(odd?.rowCount).toBeNull();
    expect(odd?.columns.get('c')?.nullCount).toBeNull();
  });

  it('does not take inherited members for statistics', () => {
    const read = parseStatistics('{"nullCount":{}}', parseDdl('constructor string'));
    expect(read?.columns.get('constructor')).toEqual(column(null, null, null));
  });

  it('trusts no bound of a double that was a float before', () => {
    const schema = parseSchema(
      '{"type":"struct","fields":[{"name":"c","type":"double","nullable":true,"metadata":{"delta.typeChanges":[{"fromType":"float","toType":"double"}]}}]}',
    );
    const read = parseStatistics('{"maxValues":{"c":0.1}}', schema);
    expect(read?.columns.get('c')?.max).toBeNull();
  });
});
