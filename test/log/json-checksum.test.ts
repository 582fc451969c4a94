import { expect, test } from 'vitest';

import { jsonChecksums } from '../../src/log/json-checksum.ts';

test('is that of the example in the protocol', () => {
  const text =
    `{"k0":"'v 0'", "checksum": "adsaskfljadfkjadfkj", "k1":{"k2": 2, "k3": ["v3", [1, 2], ` +
    '{"k4": "v4", "k5": ["v5", "v6", "v7"]}]}}';
  expect(jsonChecksums(text)).toEqual(['6a92d155a59bf2eecbd4b4ec7fd1f875']);
});

test('does not hang on the order of members or on spaces, and keeps the spelling of numbers', () => {
  expect(jsonChecksums('{ "b": null, "a": [1.50, true] }')).toEqual(
    jsonChecksums('{"a":[1.50,true],"b":null}'),
  );
  expect(jsonChecksums('{"a":1.50}')).not.toEqual(jsonChecksums('{"a":1.5}'));
});

test('knows the order of the protocol and that of Spark, where a list has more than ten items', () => {
  const list = Array.from({ length: 11 }, (_, index) => index);
  expect(jsonChecksums(JSON.stringify({ list }))).toHaveLength(2);
  expect(jsonChecksums(JSON.stringify({ list: list.slice(1) }))).toHaveLength(1);
});
