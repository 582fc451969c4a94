import { describe, expect, it } from 'vitest';

import { hiveType, LONG, parseDdl, parseType, typeName } from '../../src/schema/index.ts';

describe('parseType', () => {
  it('reads DDL names, log names and nested types, in any case', () => {
    expect(parseType('BIGINT')).toEqual(LONG);
    expect(parseType('long')).toEqual(LONG);
    expect(parseType(' decimal ( 10 , 2 ) ')).toEqual({ kind: 'decimal', precision: 10, scale: 2 });
    expect(parseType('numeric')).toEqual({ kind: 'decimal', precision: 10, scale: 0 });
    expect(typeName(parseType('array<struct<a:int,`b c`: array<map<string,double>>>>'))).toBe(
      'array<struct<a:int,`b c`:array<map<string,double>>>>',
    );
    expect(typeName(parseType('struct<>'))).toBe('struct<>');
  });

  it('refuses what is not a type, with the place', () => {
    expect(() => parseType('array<int')).toThrow(/character 10: expected ">", found the end/);
    expect(() => parseType('varchar(10)')).toThrow(/"varchar" is not a supported type/);
    expect(() => parseType('decimal(40,2)')).toThrow(/the precision is 1 to 38/);
    expect(() => parseType('int int')).toThrow(/expected the end, found "int"/);
    expect(() => parseType('array<'.repeat(500))).toThrow(/nested deeper/);
    expect(() => parseType('')).toThrow(/expected a type, found the end/);
    expect(() => parseType('int /* oh')).toThrow(/the comment is not closed/);
  });
});

describe('hiveType', () => {
  it('writes the names that the catalog knows', () => {
    const ddl = 'a tinyint, b timestamp_ntz, c array<struct<x:decimal(9,2),y:map<string,int>>>';
    expect(parseDdl(ddl).fields.map((field) => hiveType(field.type))).toEqual([
      'tinyint',
      'timestamp',
      'array<struct<x:decimal(9,2),y:map<string,int>>>',
    ]);
  });

  it('refuses void and nested names that Hive cannot quote', () => {
    expect(() => hiveType(parseType('void'))).toThrow(/no counterpart/);
    expect(() => hiveType(parseType('struct<`a-b`:int>'))).toThrow(/`a-b` is not plain/);
  });
});
