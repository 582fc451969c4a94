import { expect, test } from 'vitest';

import { isoTime } from '../../src/base/index.ts';

test('times have a text, also where no Date reaches', () => {
  expect(isoTime(0)).toBe('1970-01-01T00:00:00.000Z');
  expect(isoTime(1.7e18)).toBe('+275760-09-13T00:00:00.000Z');
  expect(isoTime(-1.7e18)).toBe('-271821-04-20T00:00:00.000Z');
});
