import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { ManualClock, present } from '../../src/base/index.ts';
import { localFileSource, readFooter, storeSource } from '../../src/parquet/index.ts';
import { memoryStore } from '../../src/store/index.ts';
import { inFolder } from './duckdb.ts';
import { fixtureBytes } from './fixture.ts';

const PATH = 'samples/a b%20ç.parquet';

test('an object of a store is read by ranges, and one that vanished is the error of the store', async () => {
  const store = memoryStore({ clock: new ManualClock() });
  await store.put(PATH, await fixtureBytes('millis.parquet'), { kind: 'create' });
  const source = storeSource(store, PATH, present(await store.head(PATH), 'the object'));
  const { rowCount } = await readFooter(source);
  expect(rowCount).toBe(3);
  await store.delete([PATH]);
  await expect(readFooter(source)).rejects.toMatchObject({ code: 'STORE_NOT_FOUND' });
});

test('a local file is read through its handle, and one that is missing is named', async () => {
  await inFolder(async (folder) => {
    const file = join(folder, 'a b%20ç.parquet');
    await writeFile(file, await fixtureBytes('millis.parquet'));
    const source = await localFileSource(file);
    const { rowCount } = await readFooter(source);
    await source.close();
    expect(rowCount).toBe(3);
    await expect(localFileSource(join(folder, 'none'))).rejects.toMatchObject({
      code: 'PARQUET_UNREADABLE',
      details: { file: join(folder, 'none') },
    });
  });
});
