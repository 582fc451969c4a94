import { expect, test } from 'vitest';

import { ManualClock } from '../../src/base/index.ts';
import { dropOtherTries, lettersOfRanges } from '../../src/jobs/range-letters.ts';
import { readFooter, readRows, storeSource } from '../../src/parquet/index.ts';
import { memoryStore, type ObjectStore } from '../../src/store/index.ts';

const PLACE = { topic: 't', partition: 3 };

function newStore(): ObjectStore {
  return memoryStore({ clock: new ManualClock() }).at('rejected');
}

/** A try at [start, end) that met broken messages. */
async function tryRange(
  store: ObjectStore,
  [start, end]: readonly [number, number],
  offsets: readonly number[],
): Promise<void> {
  const letters = lettersOfRanges(store, [{ ...PLACE, start, end }]);
  for (const offset of offsets) {
    const record = { offset, timestampMs: 0, key: null, value: null, headers: [] };
    await letters.add({ ...PLACE, code: 'BROKEN', reason: 'it is', record });
  }
  await letters.finish();
}

async function lettersIn(store: ObjectStore): Promise<number[]> {
  const offsets: number[] = [];
  for await (const { path, sizeBytes } of store.list('', { recursive: true })) {
    const source = storeSource(store, path, { sizeBytes });
    for await (const row of readRows(source, await readFooter(source))) {
      offsets.push(Number(row['offset']));
    }
  }
  return offsets.sort((a, b) => a - b);
}

test('a try that was cut short, or went further, is told by what was committed', async () => {
  const store = newStore();
  await tryRange(store, [0, 10], [1, 9]);
  await tryRange(store, [0, 4], [1]); // killed before its commit
  await tryRange(store, [10, 30], [12, 25]); // killed; the partition went on with less
  await tryRange(store, [10, 20], [12]);
  await tryRange(store, [20, 40], [25, 33]);
  await dropOtherTries(store, PLACE, 40);
  expect(await lettersIn(store)).toEqual([1, 9, 12, 25, 33]);
});

test('a try beyond where the partition stands goes, one that begins there stays', async () => {
  const store = newStore();
  await tryRange(store, [0, 10], [2]);
  await tryRange(store, [0, 15], [2, 14]);
  await tryRange(store, [10, 20], [14]);
  await dropOtherTries(store, PLACE, 10);
  expect(await lettersIn(store)).toEqual([2, 14]);
});

test('nothing goes that is said nowhere else', async () => {
  const store = newStore();
  // Messages were lost between the tries: the first one alone has met the one at offset 3.
  await tryRange(store, [0, 10], [3, 8]);
  await tryRange(store, [5, 10], [8]);
  await dropOtherTries(store, PLACE, 10);
  expect(await lettersIn(store)).toEqual([3, 8]);
  await tryRange(store, [10, 20], [11]);
  await dropOtherTries(store, PLACE, 20);
  await dropOtherTries(store, { topic: 't', partition: 4 }, 20);
  expect(await lettersIn(store)).toEqual([3, 8, 11]);
});
