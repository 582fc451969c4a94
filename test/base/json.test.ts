import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { JsonNumber, type JsonValue, parseJson, printJson } from '../../src/base/index.ts';

test.each([
  '9007199254740993',
  '-9223372036854775808',
  '0.12345678901234567890',
  '{"a":[1,9007199254740993,{"b":null}],"c":"9007199254740993"}',
  '-0.0',
])('%s is printed as it was read', (text) => {
  expect(printJson(parseJson(text))).toBe(text);
});

test('numbers that a double keeps are plain numbers', () => {
  expect(parseJson('[1,1700000000000,0.1,9007199254740991]')).toEqual([
    1, 1_700_000_000_000, 0.1, 9_007_199_254_740_991,
  ]);
  expect(parseJson('9007199254740993')).toBe(9_007_199_254_740_993n);
  expect(parseJson('0.12345678901234567890')).toBeInstanceOf(JsonNumber);
});

test('members that are undefined are left out, beside long numbers too', () => {
  expect(printJson({ a: undefined, b: 1 })).toBe('{"b":1}');
  expect(printJson({ a: undefined, b: 1n })).toBe('{"b":1}');
});

test('law: what was printed is read back', () => {
  const leaf = fc.oneof(
    fc.string(),
    fc.boolean(),
    fc.constant(null),
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n - 1n }),
  );
  const { value } = fc.letrec<{ value: JsonValue }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      leaf,
      fc.array(tie('value')),
      fc.dictionary(
        fc.string().filter((key) => key !== '__proto__'),
        tie('value'),
        {
          noNullPrototype: true,
        },
      ),
    ),
  }));
  fc.assert(
    fc.property(value, (json) => {
      // Doubles of more digits than they keep come back as their text: so texts are compared.
      expect(printJson(parseJson(printJson(json)))).toBe(printJson(json));
    }),
  );
});

test('a long number is found wherever it stands in its text', () => {
  for (let before = 0; before < 40; before += 1) {
    for (const number of ['1234567890123456', '9007199254740993', '12345678901234567890123']) {
      const text = `{"${'9'.repeat(before % 7)}${'x'.repeat(before)}":[1.5,${number}]}`;
      const [value] = Object.values(parseJson(text) ?? {});
      expect(String(value)).toBe(`1.5,${number}`);
    }
    const text = `["${'x'.repeat(before)}",0.12345678901234567]`;
    expect(printJson(parseJson(text))).toBe(text);
  }
});
