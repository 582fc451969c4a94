import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';

import { systemClock, systemRandom } from '../../src/base/index.ts';
import { localStore, memoryStore } from '../../src/store/index.ts';
import { bytes, describeStore, paths, text } from './contract.ts';

const CREATE = { kind: 'create' } as const;
const OVERWRITE = { kind: 'overwrite' } as const;

const folders: string[] = [];

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'deltawright-local-'));
  folders.push(folder);
  return folder;
}

afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

for (const durable of [true, false]) {
  describeStore(`local disk, durable: ${String(durable)}`, {
    empty: async () =>
      localStore(join(await newFolder(), 'new root é', 'lake'), {
        clock: systemClock,
        random: systemRandom,
        durable,
      }),
  });
}

describe('local disk beyond the contract', () => {
  const tools = { clock: systemClock, random: systemRandom };

  test('a write removes what killed writers left in its folder an hour ago', async () => {
    const folder = await newFolder();
    const old = '.deltawright-0b1f5b9c-7a51-4c8e-9d53-1f2f3f4f5f6f';
    const young = '.deltawright-1b1f5b9c-7a51-4c8e-9d53-1f2f3f4f5f6f';
    for (const name of [old, young, '.deltawright-lock']) await writeFile(join(folder, name), '');
    const hourAgo = Date.now() / 1000 - 3601;
    for (const name of [old, '.deltawright-lock'])
      await utimes(join(folder, name), hourAgo, hourAgo);
    await localStore(folder, tools).put('a', bytes('1'), CREATE);
    expect((await readdir(folder)).toSorted()).toEqual([young, '.deltawright-lock', 'a']);
  });

  test('unfinished writes and locks are neither listed nor reachable', async () => {
    const folder = await newFolder();
    const store = localStore(folder, tools);
    await store.put('a', bytes('1'), CREATE);
    const { etag } = (await store.get('a')).meta;
    await store.put('a', bytes('2'), { kind: 'update', etag });
    await writeFile(join(folder, '.deltawright-left-by-a-crash'), 'half');
    expect(await paths(store, '')).toEqual(['a']);
    const code = 'STORE_BAD_PATH';
    await expect(store.get('.deltawright-lock')).rejects.toMatchObject({ code });
  });

  test('a write leaves nothing beside its object', async () => {
    const folder = await newFolder();
    const store = localStore(folder, tools);
    await store.put('a', bytes('1'), CREATE);
    await store.put('a', bytes('2'), CREATE);
    await store.put('b', bytes('1'), OVERWRITE);
    await store.put('b', bytes('2'), OVERWRITE);
    expect((await readdir(folder)).sort()).toEqual(['a', 'b']);
  });

  test('Hadoop’s checksum goes with the content it belongs to', async () => {
    const folder = await newFolder();
    const store = localStore(folder, tools);
    const checksum = join(folder, '_delta_log/._last_checkpoint.crc');
    const rewrites = [
      async () => store.put('_delta_log/_last_checkpoint', bytes('2'), OVERWRITE),
      async () => {
        const meta = await store.head('_delta_log/_last_checkpoint');
        const update = { kind: 'update', etag: meta?.etag ?? '' } as const;
        await store.put('_delta_log/_last_checkpoint', bytes('3'), update);
      },
      async () => store.delete(['_delta_log/_last_checkpoint']),
      // Whoever deleted the file by hand has left it.
      async () => store.put('_delta_log/_last_checkpoint', bytes('4'), CREATE),
    ];
    await store.put('_delta_log/_last_checkpoint', bytes('1'), OVERWRITE);
    for (const rewrite of rewrites) {
      await writeFile(checksum, 'crc');
      await rewrite();
      expect(existsSync(checksum)).toBe(false);
    }
  });

  test('contents of one size never share an etag along updates, however fast they follow', async () => {
    const store = localStore(await newFolder(), { ...tools, durable: false });
    await store.put('a', bytes('000'), CREATE);
    const seen = new Set<string>();
    for (let version = 0; version < 300; version += 1) {
      const { etag } = (await store.get('a')).meta;
      expect(seen.has(etag)).toBe(false);
      seen.add(etag);
      const next = bytes(String(version).padStart(3, '0'));
      expect(await store.put('a', next, { kind: 'update', etag })).toMatchObject({
        kind: 'written',
      });
    }
  });

  test('an update is later than what it replaces, also when the clock has gone back', async () => {
    const folder = await newFolder();
    const store = localStore(folder, tools);
    await store.put('a', bytes('1'), CREATE);
    const future = Math.floor(systemClock.now() / 1000) + 86_400;
    await utimes(join(folder, 'a'), future, future);
    for (let version = 2; version < 6; version += 1) {
      const { etag, modifiedMs } = (await store.get('a')).meta;
      expect(modifiedMs).toBeGreaterThanOrEqual(future * 1000);
      const next = await store.put('a', bytes(`${version}`), { kind: 'update', etag });
      expect(next).not.toEqual({ kind: 'written', etag });
      expect((await stat(join(folder, 'a'), { bigint: true })).mtimeNs).toBeGreaterThan(
        BigInt(future) * 1_000_000_000n,
      );
    }
  });

  test('a folder that somebody deletes is made again', async () => {
    const folder = await newFolder();
    const store = localStore(folder, tools);
    await store.put('x/y/a', bytes('1'), CREATE);
    await rm(join(folder, 'x'), { recursive: true });
    await store.put('x/y/b', bytes('1'), CREATE);
    await rm(folder, { recursive: true });
    await store.putFile('x/y/c', async (file) => writeFile(file, '1'));
    expect(await paths(store, 'x', { recursive: true })).toEqual(['x/y/c']);
  });

  test('putFile and copyFrom refuse a name that is taken, and leave what is there', async () => {
    for (const store of [localStore(await newFolder(), tools), memoryStore(tools)]) {
      await store.put('a', bytes('1'), CREATE);
      await store.put('b', bytes('2'), CREATE);
      const code = 'STORE_EXISTS';
      await expect(store.putFile('a', async (file) => writeFile(file, 'x'))).rejects.toMatchObject({
        code,
      });
      const etag = (await store.head('b'))?.etag ?? '';
      const source = { store, path: 'b', etag };
      await expect(store.copyFrom(source, 'a')).rejects.toMatchObject({ code });
      expect(text((await store.get('a')).bytes)).toBe('1');
    }
  });

  test('a file where a folder is needed, and the reverse, are refused by name', async () => {
    const store = localStore(await newFolder(), tools);
    await store.put('file', bytes('1'), CREATE);
    await store.put('folder/file', bytes('1'), CREATE);
    const code = 'STORE_BAD_PATH';
    await expect(store.put('file/a', bytes('1'), CREATE)).rejects.toMatchObject({ code });
    await expect(store.put('file/a/b', bytes('1'), OVERWRITE)).rejects.toMatchObject({ code });
    await expect(store.put('folder', bytes('1'), OVERWRITE)).rejects.toMatchObject({ code });
    await expect(store.put('x'.repeat(300), bytes('1'), CREATE)).rejects.toMatchObject({ code });
  });

  test('linked files and folders are listed as what they point to', async () => {
    const folder = await newFolder();
    const store = localStore(join(folder, 'lake'), tools);
    await store.put('real/a', bytes('1'), CREATE);
    await writeFile(join(folder, 'outside'), 'abc');
    await symlink(join(folder, 'outside'), join(folder, 'lake/linked'));
    await symlink(join(folder, 'lake/real'), join(folder, 'lake/also'));
    await symlink(join(folder, 'nowhere'), join(folder, 'lake/dangling'));
    expect(await paths(store, '', { recursive: true })).toEqual(['also/a', 'linked', 'real/a']);
    expect((await store.head('linked'))?.sizeBytes).toBe(3);
  });
});
