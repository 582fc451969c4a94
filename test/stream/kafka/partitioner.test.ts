import { expect, test } from 'vitest';

import { murmur2, partitionOfKey } from '../../../src/stream/kafka/partitioner.ts';

test.each([
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  ['abc', 479470107],
])("the hash of %j is what Kafka's own test expects", (key, hash) => {
  expect(murmur2(Buffer.from(key))).toBe(hash);
});

test('a partition is never below zero', () => {
  expect(partitionOfKey(Buffer.from('21'), 3)).toBe((-973932308 & 0x7fffffff) % 3);
  expect(partitionOfKey(Buffer.alloc(0), 1)).toBe(0);
});
