import { describe, expect, test } from 'vitest';

import {
  mappingId,
  mappingMode,
  parseDdl,
  parseStatistics,
  physicalName,
  printStatistics,
  type StructField,
  type StructType,
  withoutMapping,
} from '../../src/schema/index.ts';
import { mapped } from './mapped.ts';

const SCHEMA = mapped(parseDdl('id bigint, s struct<x:int>, l array<struct<y:string>>'));

describe('names', () => {
  test('are the physical ones and ids of the metadata, else the own ones', () => {
    const [id] = SCHEMA.fields;
    const [plain] = parseDdl('id bigint').fields;
    expect(id === undefined ? null : [physicalName(id), mappingId(id)]).toEqual(['col-1', 1]);
    expect(plain === undefined ? null : [physicalName(plain), mappingId(plain)]).toEqual([
      'id',
      null,
    ]);
  });

  test('are one own again, at every level, without a mapping', () => {
    const withComment = (field: StructField): StructField => ({
      ...field,
      metadata: { ...field.metadata, comment: 'c' },
    });
    const former: StructType = { ...SCHEMA, fields: SCHEMA.fields.map(withComment) };
    const plain = parseDdl('id bigint, s struct<x:int>, l array<struct<y:string>>');
    expect(withoutMapping(former)).toEqual({
      ...plain,
      fields: plain.fields.map(withComment),
    });
    expect(withoutMapping(plain)).toBe(plain);
  });
});

test.each([
  [undefined, 'none'],
  ['NAME', 'name'],
  ['id', 'id'],
  ['path', null],
])('the mode %s is %s', (mode, expected) => {
  expect(mappingMode(mode === undefined ? {} : { 'delta.columnMapping.mode': mode })).toBe(
    expected,
  );
});

test('statistics have the names of files in the log, and those of the schema in memory', () => {
  const text =
    '{"numRecords":2,"minValues":{"col-1":1,"col-2":{"col-3":5}},' +
    '"maxValues":{"col-1":2,"col-2":{"col-3":6}},"nullCount":{"col-1":0,"col-2":{"col-3":1}}}';
  const statistics = parseStatistics(text, SCHEMA);
  expect(statistics?.columns.get('id')).toMatchObject({ min: 1n, max: 2n, nullCount: 0 });
  expect(statistics?.columns.get('s')?.fields?.get('x')).toMatchObject({ min: 5, max: 6 });
  expect(statistics === null ? null : printStatistics(statistics, SCHEMA)).toBe(text);
});
