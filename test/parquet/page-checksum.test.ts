/** A byte that changed on its way is found by the checksum that each page of ours has, also where it still is a value. */

import { expect, test } from 'vitest';

import {
  fetchChunk,
  memorySource,
  readFooter,
  readKeys,
  readLeafRows,
  rowsToArrow,
  writeParquet,
} from '../../src/parquet/index.ts';
import { parseDdl } from '../../src/schema/index.ts';

/** A file whose one text is another by one letter than what was written. */
async function changedFile(): Promise<Uint8Array> {
  const rows = await rowsToArrow(parseDdl('k string'), [{ k: 'a letter more' }]);
  const bytes = Buffer.from(await writeParquet(rows, { codec: 'uncompressed' }));
  const place = bytes.indexOf('a letter more');
  expect(place).toBeGreaterThan(0);
  bytes.write('b', place);
  return bytes;
}

test('a changed text is refused by those who read keys', async () => {
  const source = memorySource('f', await changedFile());
  const footer = await readFooter(source);
  await expect(readKeys(source, footer, 'k', () => undefined)).rejects.toMatchObject({
    code: 'PARQUET_CORRUPT_DATA',
  });
});

test('a changed text is refused by those who read single rows', async () => {
  const source = memorySource('f', await changedFile());
  const footer = await readFooter(source);
  const bytesOf: Parameters<typeof readLeafRows>[0]['bytesOf'] = (chunk) =>
    fetchChunk(source, chunk);
  const from = { footer, rowGroup: 0, columns: ['k'], bytesOf, file: 'f' };
  await expect(readLeafRows(from, [0])).rejects.toMatchObject({ code: 'PARQUET_CORRUPT_DATA' });
});
