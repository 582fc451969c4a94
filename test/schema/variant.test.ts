import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import {
  encodeVariant,
  readVariant,
  scalarNode,
  variantJson,
  type VariantNode,
  type VariantScalar,
} from '../../src/schema/index.ts';

const bytes = (hex: string): Uint8Array => Buffer.from(hex, 'hex');
const CORRUPT = expect.objectContaining({ code: 'VARIANT_CORRUPT' }) as unknown;

test('a variant that another engine wrote is read, printed and written again', () => {
  const variant = {
    metadata: bytes('010200020669646e616d65'),
    value: bytes('020200010002050c0a093230'),
  };
  const node = readVariant(variant);
  expect(variantJson(node)).toBe('{"id":10,"name":"20"}');
  const { metadata, value } = encodeVariant(node);
  expect([Buffer.from(metadata).toString('hex'), Buffer.from(value).toString('hex')]).toEqual([
    Buffer.from(variant.metadata).toString('hex'),
    Buffer.from(variant.value).toString('hex'),
  ]);
});

describe('single values are printed as Spark does', () => {
  const cases: readonly (readonly [VariantScalar, string])[] = [
    [{ kind: 'null' }, 'null'],
    [{ kind: 'boolean', value: true }, 'true'],
    [{ kind: 'integer', value: -128n }, '-128'],
    [{ kind: 'integer', value: 40_000n }, '40000'],
    [{ kind: 'integer', value: 9_223_372_036_854_775_807n }, '9223372036854775807'],
    [{ kind: 'double', value: 1e10 }, '1.0E10'],
    [{ kind: 'double', value: Number.NaN }, '"NaN"'],
    [{ kind: 'float', value: Math.fround(0.1) }, '0.1'],
    [{ kind: 'decimal', unscaled: -12_300n, scale: 3 }, '-12.3'],
    [{ kind: 'decimal', unscaled: 100n, scale: 0 }, '100'],
    [{ kind: 'decimal', unscaled: 10n ** 37n + 1n, scale: 10 }, `1${'0'.repeat(27)}.0000000001`],
    [{ kind: 'date', value: -1 }, '"1969-12-31"'],
    [{ kind: 'timestamp', value: 1_500_000n }, '"1970-01-01 00:00:01.5+00:00"'],
    [{ kind: 'timestampNtz', value: 0n }, '"1970-01-01 00:00:00"'],
    [{ kind: 'timestampNtz', value: -1n }, '"1969-12-31 23:59:59.999999"'],
    [{ kind: 'timestampNtz', value: -1n, nanos: true }, '"1969-12-31 23:59:59.999999999"'],
    [{ kind: 'string', value: 'a"é\n' }, '"a\\"é\\n"'],
    [{ kind: 'string', value: 'x'.repeat(70) }, `"${'x'.repeat(70)}"`],
    [{ kind: 'binary', value: bytes('0001ff') }, '"AAH/"'],
    [
      { kind: 'uuid', value: bytes('00112233445566778899aabbccddeeff') },
      '"00112233-4455-6677-8899-aabbccddeeff"',
    ],
  ];
  test.each(cases)('$1', (scalar, json) => {
    expect(variantJson(readVariant(encodeVariant(scalarNode(scalar))))).toBe(json);
  });
});

const leaf = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((value) => ({
    kind: 'integer' as const,
    value,
  })),
  fc.string({ maxLength: 80 }).map((value) => ({ kind: 'string' as const, value })),
);
const { node: anyNode } = fc.letrec<{ node: VariantNode }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 3 },
    leaf.map(scalarNode),
    fc.array(tie('node'), { maxLength: 4 }).map((items) => ({ kind: 'array' as const, items })),
    fc
      .uniqueArray(fc.tuple(fc.string({ maxLength: 5 }), tie('node')), {
        selector: ([name]) => name,
        maxLength: 4,
      })
      .map((fields) => ({
        kind: 'object' as const,
        fields: fields.map(([name, value]) => ({ name, value })),
      })),
  ),
}));

test('what is encoded is read again', () => {
  fc.assert(
    fc.property(anyNode, (node) => {
      expect(variantJson(readVariant(encodeVariant(node)))).toBe(variantJson(node));
    }),
    { numRuns: 200 },
  );
});

describe('bytes that are no variant are refused', () => {
  test.each([
    ['that end early', '010000', '10'],
    ['without any', '010000', ''],
    ['of another version', '020000', '00'],
    ['of an unknown type', '010000', 'fc'],
    ['with a name that is not there', '010000', '02010500010000'],
    ['with more elements than bytes', '010000', '13ffffffff'],
  ])('%s', (_case, metadata, value) => {
    expect(() => readVariant({ metadata: bytes(metadata), value: bytes(value) })).toThrow(CORRUPT);
  });

  test('whose elements are the same bytes again and again', () => {
    // 30 levels of two elements each, both at the same place: a billion values in 150 bytes.
    let value = '00';
    for (let level = 0; level < 30; level += 1) {
      const size = (value.length / 2).toString(16).padStart(2, '0');
      value = `03020000${size}${value}`;
    }
    expect(() => readVariant({ metadata: bytes('010000'), value: bytes(value) })).toThrow(CORRUPT);
  });

  test('or read as something, whatever they are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (value) => {
        try {
          variantJson(readVariant({ metadata: bytes('0101000161'), value }));
        } catch (error) {
          expect(error).toEqual(CORRUPT);
        }
      }),
      { numRuns: 500 },
    );
  });
});
