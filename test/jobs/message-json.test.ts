import { expect, test } from 'vitest';

import { printJson } from '../../src/base/index.ts';
import { toJson, toText } from '../../src/jobs/message-json.ts';
import { LONG, parseDdl, type Row, TIMESTAMP, VOID } from '../../src/schema/index.ts';

const SCHEMA = parseDdl(
  's STRING, l LONG, i INT, f DOUBLE, d DECIMAL(38,2), b BINARY, day DATE, t TIMESTAMP, n TIMESTAMP_NTZ, ok BOOLEAN, ' +
    'a ARRAY<STRUCT<x: LONG>>, m MAP<STRING, DECIMAL(4,1)>, k MAP<LONG, DATE>',
);

test('every type has one form in JSON, and keeps every digit', () => {
  const row: Row = {
    s: 'João "J"',
    l: 9_223_372_036_854_775_807n,
    i: 7,
    f: 0.1,
    d: '123456789012345678901234567890123456.70',
    b: Buffer.from([0, 255]),
    day: '2026-11-22',
    t: 1_795_000_000_000_001n,
    n: '2026-11-22T10:00:00',
    ok: false,
    a: [{ x: 1n }, null, { x: null }],
    m: [['a', '1.5']],
    k: new Map([[3n, '2026-11-22']]),
  };
  expect(printJson(toJson(SCHEMA)(row))).toBe(
    '{"s":"João \\"J\\"","l":9223372036854775807,"i":7,"f":0.1,"d":123456789012345678901234567890123456.70,' +
      '"b":"AP8=","day":"2026-11-22","t":"2026-11-18T11:06:40.000001Z","n":"2026-11-22T10:00:00.000000","ok":false,' +
      '"a":[{"x":1},null,{"x":null}],"m":{"a":1.5},"k":{"3":"2026-11-22"}}',
  );
});

test('what a row lacks is null, and what is no number in JSON a text', () => {
  expect(printJson(toJson(parseDdl('a LONG, f DOUBLE, g FLOAT'))({ f: NaN, g: -Infinity }))).toBe(
    '{"a":null,"f":"NaN","g":"-Infinity"}',
  );
  expect(toJson(VOID)(null)).toBeNull();
});

test('a value that is not of its type is refused', () => {
  expect(() => toJson(LONG)('seven')).toThrow(expect.objectContaining({ code: 'SCHEMA_VALUE' }));
});

test('a single value has a text without quotes', () => {
  expect(toText(LONG)(12n)).toBe('12');
  expect(toText(TIMESTAMP)(0n)).toBe('1970-01-01T00:00:00.000000Z');
  expect(toText(LONG)(null)).toBe('');
  expect(toText(parseDdl('a LONG'))({ a: 1n })).toBe('{"a":1}');
});
