import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { systemClock, systemRandom } from '../../src/base/index.ts';
import { openStore, storeProvider } from '../../src/store/index.ts';
import { bytes, text } from './contract.ts';

const tools = { clock: systemClock, random: systemRandom };
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'deltawright-open-'));
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

test('a path and its file URL open the same folder, also with odd characters', async () => {
  const path = join(folder, 'my lake é %20');
  const byPath = openStore(path, tools);
  await byPath.put('a', bytes('x'), { kind: 'create' });
  const byUrl = openStore(byPath.uri, tools);
  expect(text((await byUrl.get('a')).bytes)).toBe('x');
  expect(byUrl.uri).toBe(pathToFileURL(path).href);
  expect(openStore(`${path}/`, tools).uri).toBe(byPath.uri);
});

test('a memory store of one provider is the same each time, and of another provider another', async () => {
  const provider = storeProvider(tools);
  await provider.open('memory://lake/db').put('a', bytes('x'), { kind: 'create' });
  expect(await provider.open('memory://lake').head('db/a')).not.toBeNull();
  expect(await provider.open('memory://other').head('db/a')).toBeNull();
  expect(await openStore('memory://lake', tools).head('db/a')).toBeNull();
});

test('all spellings of S3 open the bucket at the prefix, as it stands', () => {
  for (const scheme of ['s3', 's3a', 'S3N']) {
    expect(openStore(`${scheme}://bucket/a%20b/c d/`, tools).uri).toBe('s3://bucket/a%20b/c d');
    expect(openStore(`${scheme}://bucket`, tools).uri).toBe('s3://bucket');
  }
});

test('what names no store is refused with its reason', () => {
  for (const uri of ['', 'http://server/x', 's3:///key', 's3:bucket', 'file://server/x']) {
    expect(() => openStore(uri, tools)).toThrow(expect.objectContaining({ code: 'STORE_BAD_URI' }));
  }
  expect(() => openStore('s3://bucket/a//b', tools)).toThrow(
    expect.objectContaining({ code: 'STORE_BAD_PATH' }),
  );
});
