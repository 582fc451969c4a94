/**
 * key-ranges.ts BEFORE AFTER: whether each file of the table AFTER covers no wider range of `id` than the files of
 * BEFORE that it replaces, new keys aside; prints the count of files and of those that do not.
 */

import { openTable } from 'deltawright';

interface Range {
  readonly low: bigint;
  readonly high: bigint;
}

async function ranges(uri: string): Promise<Range[]> {
  const table = await openTable(uri);
  const found: Range[] = [];
  for (const file of table.files()) {
    const bounds = file.statistics?.columns.get('id');
    if (typeof bounds?.min !== 'bigint' || typeof bounds.max !== 'bigint')
      throw new Error(`${file.path}: no range of id`);
    found.push({ low: bounds.min, high: bounds.max });
  }
  await table.close();
  return found.sort((a, b) => (a.low < b.low ? -1 : 1));
}

const [beforeUri = '', afterUri = ''] = process.argv.slice(2);
const before = await ranges(beforeUri);
const after = await ranges(afterUri);
const end = before.reduce((high, range) => (range.high > high ? range.high : high), 0n);
const old = after.filter((range) => range.low <= end);
const overlapping = old.filter((range, i) => i > 0 && range.low <= (old[i - 1]?.high ?? -1n));
console.log(
  JSON.stringify({
    files_before: before.length,
    files_after: after.length,
    overlapping: overlapping.length,
  }),
);
