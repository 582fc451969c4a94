/** What every store promises: run on each implementation and each wrapper. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { systemClock, systemRandom } from '../../src/base/index.ts';
import {
  localStore,
  memoryStore,
  type ObjectMeta,
  type ObjectStore,
  type StorePath,
} from '../../src/store/index.ts';

export interface ContractOptions {
  /** A store with nothing in it; a new one for each call. */
  readonly empty: () => Promise<ObjectStore>;
}

const CREATE = { kind: 'create' } as const;
const OVERWRITE = { kind: 'overwrite' } as const;

/** Names that a careless store would decode, encode, split or hide. */
const ODD_NAMES = [
  'a b.json',
  'a%20b.json',
  'a+b=c&d.json',
  'data=2024-01-01 00%3A00/x.parquet',
  'ação/ñandú.parquet',
  'quote\'"#?;,.txt',
  '.hidden',
  '_delta_log/00000000000000000000.json',
  '日本/\u{1f600}.bin',
  'x\uffee.bin',
];

export function describeStore(name: string, options: ContractOptions): void {
  describe(`the store contract: ${name}`, () => {
    let scratch = '';
    let store: ObjectStore;

    beforeAll(async () => {
      scratch = await mkdtemp(join(tmpdir(), 'deltawright-contract-'));
    });
    afterAll(async () => rm(scratch, { recursive: true, force: true }));

    test('create writes what is read back, with size, time and etag', async () => {
      store = await options.empty();
      const put = await store.put('a/b.txt', bytes('hello'), CREATE);
      const got = await store.get('a/b.txt');
      expect(text(got.bytes)).toBe('hello');
      expect(got.meta).toMatchObject({ path: 'a/b.txt', sizeBytes: 5 });
      expect(put).toEqual({ kind: 'written', etag: got.meta.etag });
      expect(Math.abs(got.meta.modifiedMs - systemClock.now())).toBeLessThan(600_000);
      expect(await store.head('a/b.txt')).toEqual(got.meta);
      expect(await all(store, 'a')).toEqual([got.meta]);
    });

    test('create leaves what is there', async () => {
      store = await options.empty();
      await store.put('a', bytes('first'), CREATE);
      expect(await store.put('a', bytes('second'), CREATE)).toEqual({ kind: 'exists' });
      expect(text((await store.get('a')).bytes)).toBe('first');
    });

    test('of 32 creators at once exactly one wins, and its bytes are what is there', async () => {
      store = await options.empty();
      for (let round = 0; round < 3; round += 1) {
        const path = `race/${round}`;
        const results = await Promise.all(
          Array.from({ length: 32 }, (_, writer) =>
            store.put(path, bytes(`writer ${writer}`), CREATE),
          ),
        );
        const winners = results.flatMap(({ kind }, writer) => (kind === 'written' ? [writer] : []));
        expect(winners).toHaveLength(1);
        expect(results.filter(({ kind }) => kind === 'exists')).toHaveLength(31);
        expect(text((await store.get(path)).bytes)).toBe(`writer ${winners[0]}`);
      }
    });

    test('overwrite replaces what is there, and its etag changes with the content', async () => {
      store = await options.empty();
      const first = await store.put('hint', bytes('1'), OVERWRITE);
      const second = await store.put('hint', bytes('2'), OVERWRITE);
      expect(first.kind).toBe('written');
      expect(second).not.toEqual(first);
      expect(text((await store.get('hint')).bytes)).toBe('2');
    });

    test('update replaces exactly the content it was made from', async () => {
      store = await options.empty();
      await store.put('m', bytes('1'), CREATE);
      const { etag } = (await store.get('m')).meta;
      const written = await store.put('m', bytes('2'), { kind: 'update', etag });
      expect(written).toEqual({ kind: 'written', etag: (await store.head('m'))?.etag });
      expect(await store.put('m', bytes('3'), { kind: 'update', etag })).toEqual({
        kind: 'mismatch',
      });
      expect(text((await store.get('m')).bytes)).toBe('2');
      await store.delete(['m']);
      expect(await store.put('m', bytes('4'), { kind: 'update', etag })).toEqual({
        kind: 'mismatch',
      });
      expect(await store.head('m')).toBeNull();
    });

    test('concurrent updates lose nothing', async () => {
      store = await options.empty();
      await store.put('counter', bytes('0'), CREATE);
      const increment = async (): Promise<void> => {
        for (;;) {
          const { bytes: old, meta } = await store.get('counter');
          const next = bytes(String(Number(text(old)) + 1));
          const result = await store.put('counter', next, { kind: 'update', etag: meta.etag });
          if (result.kind === 'written') return;
        }
      };
      await Promise.all(Array.from({ length: 8 }, () => increment()));
      expect(text((await store.get('counter')).bytes)).toBe('8');
    });

    test('what was read or written does not change with the caller’s array', async () => {
      store = await options.empty();
      const own = Buffer.from('abc');
      await store.put('a', own, CREATE);
      own[0] = 0;
      const first = await store.get('a');
      first.bytes[1] = 0;
      expect(text((await store.get('a')).bytes)).toBe('abc');
    });

    test('ranges are cut at the end of the object', async () => {
      store = await options.empty();
      await store.put('a', bytes('0123456789'), CREATE);
      expect(text(await store.getRange('a', { start: 2, end: 5 }))).toBe('234');
      expect(text(await store.getRange('a', { start: 8, end: 99 }))).toBe('89');
      expect(text(await store.getRange('a', { start: 0, end: 10 }))).toBe('0123456789');
      expect(text(await store.getRange('a', { start: 10, end: 12 }))).toBe('');
      expect(text(await store.getRange('a', { start: 3, end: 3 }))).toBe('');
      const room = new Uint8Array(20);
      expect(text(await store.getRange('a', { start: 2, end: 5, room }))).toBe('234');
      expect(text(await store.getRange('a', { start: 8, end: 28, room }))).toBe('89');
    });

    test('an object without bytes is an object', async () => {
      store = await options.empty();
      await store.put('empty', new Uint8Array(), CREATE);
      expect((await store.get('empty')).bytes).toHaveLength(0);
      expect((await store.head('empty'))?.sizeBytes).toBe(0);
      expect(await store.getRange('empty', { start: 0, end: 10 })).toHaveLength(0);
      expect(await paths(store, '')).toEqual(['empty']);
    });

    test('what is not there is STORE_NOT_FOUND, or null for head, or nothing in a list', async () => {
      store = await options.empty();
      await store.put('folder/a', bytes('x'), CREATE);
      for (const path of ['none', 'folder', 'folder/a/b', 'folder/b']) {
        await expect(store.get(path)).rejects.toMatchObject({ code: 'STORE_NOT_FOUND' });
        await expect(store.getRange(path, { start: 0, end: 1 })).rejects.toMatchObject({
          code: 'STORE_NOT_FOUND',
        });
        expect(await store.head(path)).toBeNull();
      }
      expect(await all(store, 'nowhere')).toEqual([]);
    });

    test('paths that are none are refused before anything happens', async () => {
      store = await options.empty();
      const bad = ['', '/a', 'a/', 'a//b', '..', 'a/../b', './a', 'a/.', 'a\0b', '\ud800'];
      const code = 'STORE_BAD_PATH';
      for (const path of bad) {
        await expect(store.put(path, bytes('x'), CREATE)).rejects.toMatchObject({ code });
        await expect(store.get(path)).rejects.toMatchObject({ code });
        await expect(store.delete([path])).rejects.toMatchObject({ code });
      }
      await expect(all(store, '../x')).rejects.toMatchObject({ code });
      expect(await all(store, '', { recursive: true })).toEqual([]);
    });

    test('odd names come back as they went in, in the order of their bytes', async () => {
      store = await options.empty();
      for (const path of ODD_NAMES) await store.put(path, bytes(path), CREATE);
      const expected = [...ODD_NAMES].sort((a, b) =>
        Buffer.compare(Buffer.from(a), Buffer.from(b)),
      );
      expect(await paths(store, '', { recursive: true })).toEqual(expected);
      for (const path of ODD_NAMES) expect(text((await store.get(path)).bytes)).toBe(path);
      expect(await paths(store, 'ação')).toEqual(['ação/ñandú.parquet']);
      await store.delete(ODD_NAMES);
      expect(await paths(store, '', { recursive: true })).toEqual([]);
    });

    test('list tells a folder from names that begin alike, and goes deep only when asked', async () => {
      store = await options.empty();
      const written = ['a', 'b/1', 'b/2/x', 'b/2.txt', 'b/2-', 'b-c', 'bb/1', 'b/3'];
      for (const path of written) await store.put(path, bytes('x'), CREATE);
      expect(await paths(store, 'b')).toEqual(['b/1', 'b/2-', 'b/2.txt', 'b/3']);
      expect(await paths(store, 'b', { recursive: true })).toEqual([
        'b/1',
        'b/2-',
        'b/2.txt',
        'b/2/x',
        'b/3',
      ]);
      expect(await paths(store, '')).toEqual(['a', 'b-c']);
      expect(await paths(store, '', { recursive: true })).toEqual([
        'a',
        'b-c',
        'b/1',
        'b/2-',
        'b/2.txt',
        'b/2/x',
        'b/3',
        'bb/1',
      ]);
    });

    test('list leaves out what is skipped by its path', async () => {
      store = await options.empty();
      for (const path of ['s/a', 's/b', 's/c/d']) await store.put(path, bytes('x'), CREATE);
      const skip = (path: string): boolean => path === 's/a' || path.endsWith('d');
      expect(await paths(store, 's', { recursive: true, skip })).toEqual(['s/b']);
    });

    test('list begins after a path, whether or not it is there', async () => {
      store = await options.empty();
      for (const path of ['l/1', 'l/2.x', 'l/2/a', 'l/2/b', 'l/3']) {
        await store.put(path, bytes('x'), CREATE);
      }
      const after = async (startAfter: string, recursive = true): Promise<readonly string[]> =>
        paths(store, 'l', { startAfter, recursive });
      expect(await after('l/2')).toEqual(['l/2.x', 'l/2/a', 'l/2/b', 'l/3']);
      expect(await after('l/2/a')).toEqual(['l/2/b', 'l/3']);
      expect(await after('l/2/aa')).toEqual(['l/2/b', 'l/3']);
      expect(await after('l/2.x', false)).toEqual(['l/3']);
      expect(await after('l/3')).toEqual([]);
    });

    test('putFile makes the object of what was written to the file', async () => {
      store = await options.empty();
      const meta = await store.putFile('data/p=1/f.bin', async (file) =>
        writeFile(file, 'content'),
      );
      expect(meta).toMatchObject({ path: 'data/p=1/f.bin', sizeBytes: 7 });
      expect((await store.head('data/p=1/f.bin'))?.etag).toBe(meta.etag);
      expect(text((await store.get('data/p=1/f.bin')).bytes)).toBe('content');
    });

    test('putFile leaves nothing when the writing fails, and throws that error', async () => {
      store = await options.empty();
      const failing = store.putFile('data/f', async (file) => {
        await writeFile(file, 'half');
        throw new Error('out of ideas');
      });
      await expect(failing).rejects.toThrow('out of ideas');
      expect(await all(store, '', { recursive: true })).toEqual([]);
    });

    test('copyFrom copies within a store, and from stores of other kinds', async () => {
      store = await options.empty();
      const content = Buffer.alloc(100_000, 'content ');
      const disk = localStore(scratch, { clock: systemClock, random: systemRandom });
      for (const [index, from] of [
        store,
        disk,
        memoryStore({ clock: systemClock }),
        store.at('below'),
      ].entries()) {
        await from.put('samples/s%20 é+=.bin', content, OVERWRITE);
        const etag = (await from.head('samples/s%20 é+=.bin'))?.etag ?? '';
        const source = { store: from, path: 'samples/s%20 é+=.bin', etag };
        const meta = await store.copyFrom(source, `copies/${index} é`);
        expect(meta).toMatchObject({ path: `copies/${index} é`, sizeBytes: content.length });
        expect((await store.head(meta.path))?.etag).toBe(meta.etag);
        expect(Buffer.compare((await store.get(meta.path)).bytes, content)).toBe(0);
      }
      const etag = (await store.head('copies/0 é'))?.etag ?? '';
      await disk.copyFrom({ store, path: 'copies/0 é', etag }, 'back.bin');
      expect(Buffer.compare((await disk.get('back.bin')).bytes, content)).toBe(0);
    });

    test('copyFrom refuses a source that changed or vanished, and leaves nothing', async () => {
      store = await options.empty();
      await store.put('s', bytes('one'), OVERWRITE);
      const { etag } = (await store.get('s')).meta;
      await store.put('s', bytes('other'), OVERWRITE);
      await expect(store.copyFrom({ store, path: 's', etag }, 'copy')).rejects.toMatchObject({
        code: 'STORE_SOURCE_CHANGED',
        retryable: true,
      });
      await store.delete(['s']);
      await expect(store.copyFrom({ store, path: 's', etag }, 'copy')).rejects.toMatchObject({
        code: 'STORE_NOT_FOUND',
      });
      expect(await all(store, '')).toEqual([]);
    });

    test('delete is fine with what is not there', async () => {
      store = await options.empty();
      await store.put('a', bytes('x'), CREATE);
      await store.delete(['a', 'b', 'folder/c', 'a/d']);
      await store.delete([]);
      expect(await all(store, '', { recursive: true })).toEqual([]);
    });

    test('at gives the same objects seen from a folder', async () => {
      store = await options.empty();
      const below = store.at('t 1').at('log');
      expect(below.uri.startsWith(store.uri)).toBe(true);
      await below.put('x/1', bytes('x'), CREATE);
      expect(await paths(store, '', { recursive: true })).toEqual(['t 1/log/x/1']);
      expect(await paths(below, '', { recursive: true })).toEqual(['x/1']);
      expect(await paths(below, 'x', { startAfter: 'x/0' })).toEqual(['x/1']);
      await below.delete(['x/1']);
      expect(await store.head('t 1/log/x/1')).toBeNull();
    });

    test('localFile, where there is one, is the object’s file', async () => {
      store = await options.empty();
      await store.put('a b', bytes('x'), CREATE);
      const file = store.localFile('a b');
      if (file === null) return;
      await writeFile(file, 'yy');
      expect(text((await store.get('a b')).bytes)).toBe('yy');
    });
  });
}

export function bytes(content: string): Uint8Array {
  return new TextEncoder().encode(content);
}

export function text(content: Uint8Array): string {
  return new TextDecoder().decode(content);
}

type Options = Parameters<ObjectStore['list']>[1];

export async function all(
  store: ObjectStore,
  prefix: StorePath,
  options?: Options,
): Promise<readonly ObjectMeta[]> {
  const found: ObjectMeta[] = [];
  for await (const meta of store.list(prefix, options)) found.push(meta);
  return found;
}

export async function paths(
  store: ObjectStore,
  prefix: StorePath,
  options?: Options,
): Promise<readonly StorePath[]> {
  return (await all(store, prefix, options)).map(({ path }) => path);
}
