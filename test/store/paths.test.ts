import { assert, property, string } from 'fast-check';
import { expect, test } from 'vitest';

import { compareUtf8 } from '../../src/store/index.ts';

test('compareUtf8 orders strings as their UTF-8 bytes', () => {
  const anyText = string({ unit: 'binary', maxLength: 6 });
  assert(
    property(anyText, anyText, anyText, (shared, left, right) => {
      const a = shared + left;
      const b = shared + right;
      const expected = Buffer.compare(Buffer.from(a), Buffer.from(b));
      expect(Math.sign(compareUtf8(a, b))).toBe(expected);
    }),
  );
  expect(compareUtf8('\u{1f600}', '\uffee')).toBeGreaterThan(0);
  expect(compareUtf8('a', 'a')).toBe(0);
});
