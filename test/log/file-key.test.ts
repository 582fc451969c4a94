import { expect, test } from 'vitest';

import { pathKey, vectorId } from '../../src/log/index.ts';

test.each([
  ['p=a%2520b/x', 'p=a%20b/x'],
  ['p=a b/x', 'p=a b/x'],
  ['100%/x', '100%/x'],
  ['a+b', 'a+b'],
  ['file:/data/x', '/data/x'],
  ['file:///data/x', '/data/x'],
  ['s3n://b/x', 's3://b/x'],
])('the key of %s is %s', (path, key) => {
  expect(pathKey(path)).toBe(key);
});

test('the id of a deletion vector names its place', () => {
  const vector = { storageType: 'u', pathOrInlineDv: 'ab', sizeInBytes: 4, cardinality: 2 };
  expect(vectorId(vector)).toBe('uab');
  expect(vectorId({ ...vector, offset: 4 })).toBe('uab@4');
  expect(vectorId(undefined)).toBe('');
});
