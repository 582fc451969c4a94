import { expect, test } from 'vitest';

import {
  type AbortedTransaction,
  type BatchHead,
  committedBatches,
} from '../../../src/stream/kafka/abort-filter.ts';

interface Made extends BatchHead {
  readonly abort: boolean;
}

function data(baseOffset: number, lastOffset: number, producerId = -1n): Made {
  const transactional = producerId >= 0n;
  return { baseOffset, lastOffset, producerId, transactional, control: false, abort: false };
}

function marker(offset: number, producerId: bigint, abort: boolean): Made {
  const at = { baseOffset: offset, lastOffset: offset };
  return { ...at, producerId, transactional: true, control: true, abort };
}

function kept(batches: readonly Made[], aborted: readonly AbortedTransaction[]): number[] {
  return committedBatches(batches, aborted, ({ abort }) => abort).map((batch) => batch.baseOffset);
}

test('records outside of transactions stay, markers go', () => {
  expect(kept([data(0, 4), data(5, 5), marker(6, 1n, false), data(7, 9)], [])).toEqual([0, 5, 7]);
});

test('an aborted transaction goes, a committed one of another producer between its batches stays', () => {
  const batches = [
    data(0, 1, 1n),
    data(2, 3, 2n),
    data(4, 5, 1n),
    marker(6, 2n, false),
    marker(7, 1n, true),
    data(8, 9, 1n),
    marker(10, 1n, false),
  ];
  expect(kept(batches, [{ producerId: 1n, firstOffset: 0 }])).toEqual([2, 8]);
});

test('several aborted transactions of one producer in one answer all go, what is committed between them stays', () => {
  const batches = [
    data(0, 1, 7n),
    marker(2, 7n, true),
    data(3, 4, 7n),
    marker(5, 7n, false),
    data(6, 7, 7n),
    marker(8, 7n, true),
    data(9, 9, 7n),
    marker(10, 7n, false),
  ];
  const aborted = [
    { producerId: 7n, firstOffset: 6 },
    { producerId: 7n, firstOffset: 0 },
  ];
  expect(kept(batches, aborted)).toEqual([3, 9]);
});

test('a transaction that began before the answer, and ends after it, goes in each answer', () => {
  const aborted = [{ producerId: 3n, firstOffset: 0 }];
  expect(kept([data(0, 99, 3n), data(100, 100)], aborted)).toEqual([100]);
  expect(kept([data(101, 199, 3n), data(200, 220, 4n)], aborted)).toEqual([200]);
  expect(kept([data(221, 230, 3n), marker(231, 3n, true), data(232, 232, 3n)], aborted)).toEqual([
    232,
  ]);
});

test('a transaction whose first records compaction took begins with the batch that its first offset is in', () => {
  const batches = [data(10, 20, 5n), marker(21, 5n, true)];
  expect(kept(batches, [{ producerId: 5n, firstOffset: 15 }])).toEqual([]);
});

test('records of the same producer without a transaction are not touched', () => {
  const plain = { ...data(0, 0, 5n), transactional: false };
  expect(kept([plain, data(1, 1, 5n)], [{ producerId: 5n, firstOffset: 0 }])).toEqual([0]);
});

test('an answer without batches keeps none', () => {
  expect(kept([], [{ producerId: 5n, firstOffset: 0 }])).toEqual([]);
});
