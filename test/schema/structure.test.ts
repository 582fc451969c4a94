import { describe, expect, it } from 'vitest';

import { checkColumnNames, findField, parseDdl, typesEqual } from '../../src/schema/index.ts';

describe('findField', () => {
  it('ignores case, and prefers the exact name', () => {
    const schema = parseDdl('ID string, id bigint');
    expect(findField(schema, 'id')?.name).toBe('id');
    expect(findField(schema, 'Id')?.name).toBe('ID');
    expect(findField(schema, 'x')).toBeNull();
  });
});

describe('typesEqual', () => {
  it('tells types apart by everything but metadata', () => {
    const same = parseDdl("a array<struct<x:int>> comment 'one'");
    expect(typesEqual(same, parseDdl('a array<struct<x:int>>'))).toBe(true);
    for (const other of ['a array<struct<X:int>>', 'a array<struct<x:bigint>>', 'a int']) {
      expect(typesEqual(same, parseDdl(other))).toBe(false);
    }
    expect(typesEqual(parseDdl('a map<string,int>'), parseDdl('a map<string,int>'))).toBe(true);
    expect(typesEqual(parseDdl('a decimal(4,2)'), parseDdl('a decimal(4,1)'))).toBe(false);
    expect(typesEqual(parseDdl('a int not null'), parseDdl('a int'))).toBe(false);
  });
});

describe('checkColumnNames', () => {
  it('accepts accents and refuses what tables cannot hold', () => {
    checkColumnNames(parseDdl('código string, `a-b` int, s struct<a:int>'));
    expect(() => {
      checkColumnNames(parseDdl('id string, ID int'));
    }).toThrow(/"id" and "ID" have the same name but for case/);
    expect(() => {
      checkColumnNames(parseDdl('s array<struct<a:int,A:int>>'));
    }).toThrow(/s\.element\.A/);
    expect(() => {
      checkColumnNames(parseDdl('`a b` string'));
    }).toThrow(/cannot be written/);
    expect(() => {
      checkColumnNames(parseDdl('`` string'));
    }).toThrow(/it is empty/);
  });

  it('takes with column mapping what only Parquet’s own text cannot hold', () => {
    checkColumnNames(parseDdl('`a b` string, s array<struct<`x=(y)`:int>>'), { isMapped: true });
    for (const ddl of ['`a b` string, `A B` int', 's struct<``:int>']) {
      expect(() => checkColumnNames(parseDdl(ddl), { isMapped: true })).toThrow();
    }
  });
});
