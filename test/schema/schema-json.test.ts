import { describe, expect, it } from 'vitest';

import { isDeltaError } from '../../src/base/index.ts';
import { parseSchema, printSchema } from '../../src/schema/index.ts';

const codeOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    if (isDeltaError(error)) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'no error';
};

const column = (type: string, more = ''): string =>
  `{"type":"struct","fields":[{"name":"c","type":${type},"nullable":true,"metadata":{${more}}}]}`;

describe('schema JSON', () => {
  it('prints what Spark wrote, byte for byte', () => {
    const texts = [
      '{"type":"struct","fields":[]}',
      column('"long"'),
      column('"decimal(38,18)"', '"delta.columnMapping.id":1,"x":{"y":[1,null,"é"]}'),
      column('{"type":"array","elementType":"timestamp_ntz","containsNull":false}'),
      column(
        '{"type":"map","keyType":"string","valueType":{"type":"struct","fields":[{"name":"a b","type":"void","nullable":false,"metadata":{}}]},"valueContainsNull":true}',
      ),
      column('"long"', '"delta.identity.highWaterMark":9007199254740993'),
    ];
    for (const text of texts) expect(printSchema(parseSchema(text))).toBe(text);
  });

  it('keeps a field named __proto__', () => {
    const text = column('"long"', '"__proto__":1');
    expect(printSchema(parseSchema(text))).toBe(text);
  });

  it('reads a bare decimal, an old null type and missing flags as Spark does', () => {
    const schema = parseSchema(
      '{"type":"struct","fields":[{"name":"a","type":"decimal"},{"name":"b","type":"null"}]}',
    );
    expect(schema.fields).toEqual([
      {
        name: 'a',
        type: { kind: 'decimal', precision: 10, scale: 0 },
        nullable: true,
        metadata: {},
      },
      { name: 'b', type: { kind: 'primitive', name: 'void' }, nullable: true, metadata: {} },
    ]);
  });

  it('refuses a text that is not JSON', () => {
    expect(codeOf(() => parseSchema('{'))).toMatch(/^SCHEMA_NOT_JSON/);
  });

  it('names the column of a type it does not know', () => {
    const text = column('{"type":"array","elementType":"geometry","containsNull":true}');
    expect(codeOf(() => parseSchema(text))).toMatch(
      /^SCHEMA_TYPE_UNSUPPORTED: .*"geometry" of column c\.element/,
    );
    expect(codeOf(() => parseSchema(column('{"type":"udt","class":"x"}')))).toMatch(
      /^SCHEMA_TYPE_UNSUPPORTED/,
    );
  });

  it('refuses malformed schemas, saying where', () => {
    const malformed = [
      '"long"',
      '{"type":"struct"}',
      '{"type":"struct","fields":[{"type":"long"}]}',
      column('"decimal(39,0)"'),
      column('"decimal(4,5)"'),
      column('7'),
      column('{}'),
      '{"type":"struct","fields":[{"name":"c","type":"long","nullable":"yes"}]}',
      '{"type":"struct","fields":[{"name":"c","type":"long","metadata":[]}]}',
    ];
    for (const text of malformed) {
      expect(codeOf(() => parseSchema(text))).toMatch(/^SCHEMA_MALFORMED/);
    }
  });

  it('refuses endless nesting instead of running out of stack', () => {
    const open = '{"type":"array","containsNull":true,"elementType":'.repeat(5000);
    const text = column(`${open}"long"${'}'.repeat(5000)}`);
    expect(codeOf(() => parseSchema(text))).toMatch(/^SCHEMA_MALFORMED: .*deeper/);
  });
});
