/**
 * Where many thousand files come and go after a checkpoint, a version has the files that its commits say: whatever the
 * checkpoint is, and whether the table is opened or has been followed. Held against the plainest replay, not our own.
 */

import { expect, test } from 'vitest';

import { seededRandom, type Random } from '../../src/base/index.ts';
import { type Action, commitPath, printCommit } from '../../src/log/index.ts';
import { writeCheckpoint } from '../../src/table/checkpoint.ts';
import { openSnapshot, refreshSnapshot } from '../../src/table/open.ts';
import type { Snapshot, TableContext } from '../../src/table/types.ts';
import { memoryContext, newTable } from './context.ts';
import { compact, writeHint, writeV2 } from './log-writer.ts';

const COMMITS = 9;
/** Around the sizes at which files come to be kept otherwise. */
const ADDED = [1, 40, 1_000, 1_030, 2_500, 5_000] as const;
const REMOVED = [0, 2, 500, 2_000] as const;

/** Sizes by path. */
type Files = ReadonlyMap<string, number>;

type Way = (ctx: TableContext, version: number) => Promise<unknown>;

const ours: Way = async (ctx, version) =>
  writeCheckpoint(ctx, await openSnapshot(ctx, { version }));

const WAYS: readonly (readonly [string, Way])[] = [
  ['no checkpoint', async () => Promise.resolve()],
  ['a checkpoint', ours],
  [
    'a V2 checkpoint in Parquet with sidecars',
    async (ctx, version) =>
      writeHint(
        ctx.store,
        version,
        await writeV2(ctx, version, { format: 'parquet', sidecars: 2 }),
      ),
  ],
  [
    'a V2 checkpoint in JSON',
    async (ctx, version) =>
      writeHint(ctx.store, version, await writeV2(ctx, version, { format: 'json', sidecars: 0 })),
  ],
  [
    'two checkpoints and a compacted file',
    async (ctx, version) => {
      await ours(ctx, Math.max(1, version - 2));
      await ours(ctx, version);
      await compact(ctx.store, version + 1, Math.min(COMMITS, version + 3));
    },
  ],
];

test.each(
  WAYS.flatMap(([name, way], index) =>
    [1, 2].map((seed) => [name, 10 * index + seed, way] as const),
  ),
)('after %s, seed %i', async (_name, seed, way) => {
  const random = seededRandom(seed);
  const ctx = memoryContext();
  const first = await newTable(ctx);
  const versions = historyOf(random);
  for (const [index, { actions }] of versions.entries()) {
    await ctx.store.put(commitPath(index + 1), printCommit(actions), { kind: 'create' });
  }
  const begin = 1 + Math.floor(random.float() * (COMMITS - 3));
  await way(ctx, begin);
  const latest = await openSnapshot(ctx);
  for (const [index, { files }] of versions.entries()) {
    if (index < begin) continue;
    expectFiles(await openSnapshot(ctx, { version: index + 1 }), files);
  }
  expectFiles(latest, versions.at(-1)?.files ?? new Map());
  expectFiles(await refreshSnapshot(ctx, first), versions.at(-1)?.files ?? new Map());
  // What is written of it is what it is.
  await writeCheckpoint(ctx, latest);
  expectFiles(await openSnapshot(ctx), versions.at(-1)?.files ?? new Map());
});

function historyOf(random: Random): { readonly actions: Action[]; readonly files: Files }[] {
  const live = new Map<string, number>();
  const gone: string[] = [];
  let count = 0;
  return Array.from({ length: COMMITS }, () => {
    const removed = sample(random, [...live.keys()], chosen(random, REMOVED));
    const actions = removed.map(removal);
    for (const path of removed) live.delete(path);
    const again = sample(random, gone, chosen(random, REMOVED)).filter((path) => !live.has(path));
    const fresh = Array.from({ length: chosen(random, ADDED) }, () => `p=é%25/${(count += 1)}`);
    // Of what stays, some come again with another size.
    const kept = sample(random, [...live.keys()], chosen(random, REMOVED));
    for (const path of new Set([...again, ...fresh, ...kept])) {
      const size = Math.floor(random.float() * 1_000);
      live.set(path, size);
      actions.push(addition(path, size));
    }
    gone.push(...removed);
    return { actions, files: new Map(live) };
  });
}

function expectFiles(snapshot: Snapshot, files: Files): void {
  const found = new Map(Array.from(snapshot.files(), ({ path, size }) => [path, size]));
  const wrong = [...files].filter(([path, size]) => found.get(path) !== size);
  const extra = [...found.keys()].filter((path) => !files.has(path));
  expect({ version: snapshot.version, wrong, extra }).toEqual({
    version: snapshot.version,
    wrong: [],
    extra: [],
  });
  expect(snapshot.fileCount).toBe(files.size);
  expect(snapshot.sizeBytes).toBe([...files.values()].reduce((sum, size) => sum + size, 0));
}

function chosen<T>(random: Random, from: readonly [T, ...T[]]): T {
  return from[Math.floor(random.float() * from.length)] ?? from[0];
}

function sample(random: Random, from: readonly string[], count: number): string[] {
  const share = Math.min(1, count / Math.max(1, from.length));
  return [...new Set(from)].filter(() => random.float() < share);
}

function addition(path: string, size: number): Action {
  const stats = `{"numRecords":${size}}`;
  const add = { path, partitionValues: {}, size, modificationTime: 1, dataChange: true, stats };
  return { kind: 'add', add };
}

function removal(path: string): Action {
  return {
    kind: 'remove',
    remove: { path, deletionTimestamp: 1_699_999_999_999, dataChange: true },
  };
}
