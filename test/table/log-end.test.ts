import { cp, rename, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { commitPath, LOG_FOLDER } from '../../src/log/index.ts';
import { writeCheckpoint } from '../../src/table/checkpoint.ts';
import { followLog } from '../../src/table/log-end.ts';
import { listLog } from '../../src/table/log-files.ts';
import { openSnapshot, refreshSnapshot } from '../../src/table/open.ts';
import type { Snapshot, TableContext } from '../../src/table/types.ts';
import { appendSpec, commit, memoryContext, newTable, onDisk, pathsOf } from './context.ts';

/** Versions 0 to 5, with a checkpoint and a hint of version 2. */
async function tableOfSix(ctx: TableContext): Promise<Snapshot> {
  let snapshot = await newTable(ctx);
  for (const path of ['a', 'b', 'c', 'd', 'e']) {
    snapshot = (await commit(ctx, snapshot, appendSpec(path))).snapshot;
    if (path === 'b') await writeCheckpoint(ctx, snapshot);
  }
  return snapshot;
}

/** A context whose store cannot list what is there. */
function unlisted(ctx: TableContext): TableContext {
  const store = new Proxy(ctx.store, {
    get: (target, name) => {
      if (name === 'list') throw new Error('the folder was listed');
      const member: unknown = Reflect.get(target, name);
      return typeof member === 'function' ? (member.bind(target) as unknown) : member;
    },
  });
  return { ...ctx, store };
}

const HOUR_S = 3600;

test('a log that this process knows is opened, refreshed and written to without a listing', async () => {
  await onDisk(async (ctx) => {
    await tableOfSix(ctx);
    const quiet = unlisted(ctx);
    await expect(openSnapshot(quiet)).rejects.toThrow('the folder was listed');
    await openSnapshot(ctx);
    const opened = await openSnapshot(quiet);
    expect(opened.version).toBe(5);
    expect(pathsOf(opened)).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect((await openSnapshot(quiet, { version: 3 })).version).toBe(3);
    expect(await refreshSnapshot(quiet, opened)).toBe(opened);
    await commit(ctx, opened, appendSpec('f'));
    await commit(quiet, opened, appendSpec('g'));
    expect(pathsOf(await refreshSnapshot(quiet, opened))).toEqual([
      'a',
      'b',
      'c',
      'd',
      'e',
      'f',
      'g',
    ]);
  });
});

test('what is found is what a listing has', async () => {
  await onDisk(async (ctx) => {
    await tableOfSix(ctx);
    await followLog(ctx.store, 0, 'commit');
    for (const [from, start] of [
      [2, 'checkpoint'],
      [0, 'commit'],
      [4, 'commit'],
      [5, 'commit'],
    ] as const) {
      const { commits, checksums } = await listLog(ctx.store, from);
      const found = await followLog(unlisted(ctx).store, from, start);
      expect(found).toMatchObject({ commits, checksums });
    }
    const { checkpoints } = await listLog(ctx.store, 2);
    expect(await followLog(unlisted(ctx).store, 2, 'checkpoint')).toMatchObject({ checkpoints });
  });
});

test('a start that is not there, another folder in its place, and very many commits are listed', async () => {
  await onDisk(async (ctx, folder) => {
    await tableOfSix(ctx);
    await followLog(ctx.store, 0, 'commit');
    const { store } = unlisted(ctx);
    const listed = 'the folder was listed';
    await expect(followLog(store, 3, 'checkpoint')).rejects.toThrow(listed);
    await expect(followLog(store, 6, 'commit')).rejects.toThrow(listed);
    await expect(followLog(store.at('nowhere'), 0, 'commit')).resolves.toMatchObject({
      commits: [],
    });
    await cp(join(folder, LOG_FOLDER), join(folder, 'copy'), { recursive: true });
    await rename(join(folder, LOG_FOLDER), join(folder, 'old'));
    await rename(join(folder, 'copy'), join(folder, LOG_FOLDER));
    await expect(followLog(store, 0, 'commit')).rejects.toThrow(listed);
    const { bytes } = await ctx.store.get(commitPath(5));
    for (let version = 6; version < 300; version += 1) {
      await ctx.store.put(commitPath(version), bytes, { kind: 'create' });
    }
    expect((await followLog(ctx.store, 3, 'commit')).commits.at(-1)?.version).toBe(299);
    await expect(followLog(store, 3, 'commit')).rejects.toThrow(listed);
    expect((await followLog(store, 100, 'commit')).commits).toHaveLength(200);
    await ctx.store.delete([commitPath(299)]);
    await expect(followLog(store, 100, 'commit')).rejects.toThrow(listed);
  });
});

test('other stores are listed each time', async () => {
  const ctx = memoryContext();
  await newTable(ctx);
  await followLog(ctx.store, 0, 'commit');
  await expect(followLog(unlisted(ctx).store, 0, 'commit')).rejects.toThrow('listed');
});

test('a commit that is missing before another one is an error that names it', async () => {
  for (const missing of [3, 4]) {
    await onDisk(async (ctx) => {
      const last = await tableOfSix(ctx);
      const before = await openSnapshot(ctx, { version: 2 });
      await ctx.store.delete([commitPath(missing)]);
      const gap = { code: 'LOG_GAP', details: { version: missing } };
      await expect(openSnapshot(ctx)).rejects.toMatchObject(gap);
      await expect(refreshSnapshot(ctx, before)).rejects.toMatchObject(gap);
      await expect(openSnapshot(ctx)).rejects.toMatchObject(gap);
      expect((await refreshSnapshot(ctx, last)).version).toBe(5);
    });
  }
});

test('so is a hole that is wide, in a log that nobody has seen whole', async () => {
  await onDisk(async (ctx) => {
    await tableOfSix(ctx);
    const { bytes } = await ctx.store.get(commitPath(5));
    await ctx.store.put(commitPath(9999), bytes, { kind: 'create' });
    const gap = { code: 'LOG_GAP', details: { version: 6 } };
    for (let count = 0; count < 3; count += 1) {
      await expect(openSnapshot(ctx)).rejects.toMatchObject(gap);
    }
  });
});

test('a folder that has changed since its last commit is listed', async () => {
  await onDisk(async (ctx, folder) => {
    const last = await tableOfSix(ctx);
    await openSnapshot(ctx);
    const quiet = unlisted(ctx);
    const then = Date.now() / 1000 - HOUR_S;
    for await (const { path } of ctx.store.list(LOG_FOLDER)) {
      await utimes(join(folder, path), then, then);
    }
    await expect(refreshSnapshot(quiet, last)).rejects.toThrow('the folder was listed');
    await utimes(join(folder, LOG_FOLDER), then, then);
    expect(await refreshSnapshot(quiet, last)).toBe(last);
  });
});
