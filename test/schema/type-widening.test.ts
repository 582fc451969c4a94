import { describe, expect, test } from 'vitest';

import { isWidening, parseDdl, parseType, unknownTypeChange } from '../../src/schema/index.ts';

describe('a change of type', () => {
  test.each([
    ['byte', 'short', true],
    ['byte', 'decimal(3,0)', true],
    ['short', 'long', true],
    ['integer', 'double', true],
    ['integer', 'decimal(12,2)', true],
    ['integer', 'decimal(11,2)', false],
    ['long', 'decimal(20,0)', true],
    ['long', 'double', false],
    ['long', 'integer', false],
    ['float', 'double', true],
    ['double', 'float', false],
    ['date', 'timestamp_ntz', true],
    ['date', 'timestamp', false],
    ['decimal(10,2)', 'decimal(12,4)', true],
    ['decimal(10,2)', 'decimal(12,5)', false],
    ['string', 'integer', false],
    ['integer', 'string', false],
  ])('from %s to %s keeps every value: %s', (from, to, expected) => {
    expect(isWidening(parseType(from), parseType(to))).toBe(expected);
  });
});

test('the changes that a schema records are known, or the first that is not is named', () => {
  const [id, s] = parseDdl('id bigint, s struct<l:array<int>>').fields;
  if (id === undefined || s?.type.kind !== 'struct') throw new Error('two columns');
  const changed = (fromType: string, toType: string): Record<string, unknown> => ({
    'delta.typeChanges': [
      { fromType: 'byte', toType: 'short' },
      { fromType, toType },
    ],
  });
  const schema = (metadata: Record<string, unknown>): Parameters<typeof unknownTypeChange>[0] => {
    const inner = parseDdl('l array<int>').fields.map((field) => ({
      ...field,
      metadata: metadata as typeof field.metadata,
    }));
    return { kind: 'struct', fields: [id, { ...s, type: { kind: 'struct', fields: inner } }] };
  };
  expect(unknownTypeChange(schema(changed('short', 'integer')))).toBe(null);
  expect(unknownTypeChange(schema(changed('string', 'integer')))).toBe('s: l: string to integer');
  expect(unknownTypeChange(schema({ 'delta.typeChanges': [{ toType: 'x' }] }))).toContain(
    'no types',
  );
});
