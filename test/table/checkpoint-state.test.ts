/** A checkpoint on the disk that this process knows is not read again, and one that is another by now is. */

import { readFile, writeFile } from 'node:fs/promises';

import { expect, test } from 'vitest';

import { checkpointPath, commitPath } from '../../src/log/index.ts';
import { CheckpointColumns } from '../../src/table/checkpoint-columns.ts';
import { moveToCheckpoint } from '../../src/table/checkpoint.ts';
import { openSnapshot } from '../../src/table/open.ts';
import { tableSnapshot } from '../../src/table/snapshot.ts';
import type { Snapshot, TableContext } from '../../src/table/types.ts';
import { addAction, appendSpec, commit, newTable, onDisk, pathsOf } from './context.ts';

const names = (kind: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => `${kind}-${index}`);

const adding = (paths: readonly string[]): Parameters<typeof commit>[2] => ({
  ...appendSpec(),
  actions: paths.map((path, size) => addAction(path, { size })),
});

/** Of the version 1, in which 1,000 files were added. */
async function table(ctx: TableContext): Promise<Snapshot> {
  const created = await newTable(ctx, { properties: { 'delta.checkpointInterval': '1000' } });
  return (await commit(ctx, created, adding(names('a', 1_000)))).snapshot;
}

function columnsOf(snapshot: Snapshot): CheckpointColumns {
  const { columns } = tableSnapshot(snapshot).state.files;
  if (columns instanceof CheckpointColumns) return columns;
  throw new TypeError('its files are not those of a checkpoint');
}

/** Where the checkpoint of a version is. */
function fileOf({ store }: TableContext, version: number): string {
  return store.localFile(checkpointPath(version)) ?? '';
}

test('whoever wrote a checkpoint goes on from it, and whoever opens the table next', async () => {
  await onDisk(async (ctx) => {
    const before = await table(ctx);
    const written = await moveToCheckpoint(ctx, before);
    expect(written.version).toBe(before.version);
    expect(pathsOf(written)).toEqual(pathsOf(before));
    expect([written.fileCount, written.sizeBytes]).toEqual([before.fileCount, before.sizeBytes]);
    const opened = await openSnapshot(ctx);
    expect(columnsOf(opened)).toBe(columnsOf(written));
    expect(opened.metadata).toEqual(before.metadata);
  });
});

test('what a checkpoint copied is the same to the next one, and only what came since is read', async () => {
  await onDisk(async (ctx) => {
    const first = await moveToCheckpoint(ctx, await table(ctx));
    const removed = { path: 'b-7', deletionTimestamp: 1e12, dataChange: true };
    const grown = await commit(ctx, first, adding(names('b', 300)));
    const shrunk = await commit(ctx, grown.snapshot, {
      ...appendSpec(),
      actions: [{ kind: 'remove', remove: removed }],
    });
    const second = await moveToCheckpoint(ctx, shrunk.snapshot);
    expect(columnsOf(second).segments[0]?.segment).toBe(columnsOf(first).segments[0]?.segment);
    expect(pathsOf(second)).toEqual(
      [...names('a', 1_000), ...names('b', 300)].filter((path) => path !== 'b-7').sort(),
    );
    expect(second.file('a-999')?.size).toBe(999);
    expect(second.file('b-299')?.size).toBe(299);
    expect(second.file('b-7')).toBeNull();
    expect(pathsOf(await openSnapshot(ctx))).toEqual(pathsOf(second));
  });
});

test('few files stay as they are', async () => {
  await onDisk(async (ctx) => {
    const created = await newTable(ctx, { properties: {} });
    const { snapshot } = await commit(ctx, created, adding(names('a', 10)));
    expect(await moveToCheckpoint(ctx, snapshot)).toBe(snapshot);
  });
});

test('a checkpoint that was replaced is read, and one that is broken now is passed over', async () => {
  await onDisk(async (ctx) => {
    const written = await moveToCheckpoint(ctx, await table(ctx));
    const bytes = await readFile(fileOf(ctx, 1));
    await ctx.store.put(checkpointPath(1), bytes, { kind: 'overwrite' });
    const replaced = await openSnapshot(ctx);
    expect(columnsOf(replaced)).not.toBe(columnsOf(written));
    expect(columnsOf(await openSnapshot(ctx))).toBe(columnsOf(replaced));
    await writeFile(fileOf(ctx, 1), bytes.subarray(0, 100));
    const fallen = await openSnapshot(ctx);
    expect(tableSnapshot(fallen).state.files.columns).toBeNull();
    expect(pathsOf(fallen)).toEqual(pathsOf(written));
    await ctx.store.delete([commitPath(0)]);
    await expect(openSnapshot(ctx)).rejects.toMatchObject({ code: 'CHECKPOINT_CORRUPT' });
  });
});
