import { describe, expect, test } from 'vitest';

import { commitPath, LAST_CHECKPOINT_PATH, SIDECAR_FOLDER } from '../../src/log/index.ts';
import { writeCheckpoint } from '../../src/table/checkpoint.ts';
import { listLog } from '../../src/table/log-files.ts';
import { openSnapshot, refreshSnapshot } from '../../src/table/open.ts';
import type { Snapshot, TableContext } from '../../src/table/types.ts';
import {
  addAction,
  appendSpec,
  commit,
  memoryContext,
  newTable,
  pathsOf,
  readText,
  removeAction,
} from './context.ts';

const PROPERTIES = { 'delta.checkpointPolicy': 'v2', 'delta.checkpointInterval': '1000' };

async function sidecarsOf({ store }: TableContext): Promise<readonly string[]> {
  const names: string[] = [];
  for await (const { path } of store.list(SIDECAR_FOLDER)) names.push(path);
  return names;
}

/** The table from its checkpoint alone: without the commits up to it. */
async function openFromCheckpoint(ctx: TableContext, version: number): Promise<Snapshot> {
  const paths = Array.from({ length: version + 1 }, (_, index) => commitPath(index));
  const kept = await Promise.all(paths.map((path) => ctx.store.get(path)));
  await ctx.store.delete(paths);
  const snapshot = await openSnapshot(ctx);
  for (const { bytes, meta } of kept) await ctx.store.put(meta.path, bytes, { kind: 'create' });
  return snapshot;
}

describe('V2 checkpoints', () => {
  test('carry everything, with files in sidecars, and the hint repeats the rest', async () => {
    const ctx = memoryContext();
    const table = await newTable(ctx, { properties: PROPERTIES });
    const { snapshot } = await commit(ctx, table, {
      ...appendSpec('a', 'b%20c'),
      txn: { appId: 'app', version: 7 },
    });
    await writeCheckpoint(ctx, snapshot);
    const opened = await openFromCheckpoint(ctx, 1);
    expect(pathsOf(opened)).toEqual(['a', 'b%20c']);
    expect([opened.txnVersion('app'), opened.protocol]).toEqual([7, snapshot.protocol]);
    const { checkpoints } = await listLog(ctx.store, 0);
    expect(checkpoints).toMatchObject([{ version: 1, kind: 'unique' }]);
    const hint: unknown = JSON.parse(await readText(ctx.store, LAST_CHECKPOINT_PATH));
    expect(hint).toMatchObject({
      version: 1,
      numOfAddFiles: 2,
      v2Checkpoint: { sidecarFiles: [{}] },
    });
    await ctx.store.delete([LAST_CHECKPOINT_PATH]);
    expect(pathsOf(await openFromCheckpoint(ctx, 1))).toEqual(['a', 'b%20c']);
  });

  test('take over sidecars as long as their files live, and write the others anew', async () => {
    const ctx = memoryContext();
    let { snapshot } = await commit(
      ctx,
      await newTable(ctx, { properties: PROPERTIES }),
      appendSpec('a', 'b'),
    );
    await writeCheckpoint(ctx, snapshot);
    const first = await sidecarsOf(ctx);
    ({ snapshot } = await commit(ctx, snapshot, appendSpec('c')));
    await writeCheckpoint(ctx, snapshot);
    const second = await sidecarsOf(ctx);
    expect([first.length, second.length]).toEqual([1, 2]);
    expect(pathsOf(await openFromCheckpoint(ctx, 2))).toEqual(['a', 'b', 'c']);

    // Touches the first sidecar alone: its other file, and the tombstone, come to new ones.
    ({ snapshot } = await commit(ctx, snapshot, {
      ...appendSpec(),
      actions: [removeAction('a'), addAction('d')],
      reads: { kind: 'table' },
    }));
    await writeCheckpoint(ctx, snapshot);
    expect(pathsOf(await openFromCheckpoint(ctx, 3))).toEqual(['b', 'c', 'd']);
    const hint = await readText(ctx.store, LAST_CHECKPOINT_PATH);
    const [kept = ''] = second.filter((path) => !first.includes(path));
    expect(hint).toContain(kept.slice(SIDECAR_FOLDER.length + 1));
    expect(hint).not.toContain((first[0] ?? '').slice(SIDECAR_FOLDER.length + 1));
  });

  test('describe a file once that was described anew', async () => {
    const ctx = memoryContext();
    let { snapshot } = await commit(
      ctx,
      await newTable(ctx, { properties: PROPERTIES }),
      appendSpec('a', 'b'),
    );
    await writeCheckpoint(ctx, snapshot);
    ({ snapshot } = await commit(ctx, snapshot, {
      ...appendSpec(),
      actions: [addAction('a', { stats: '{"numRecords":3}' })],
    }));
    await writeCheckpoint(ctx, snapshot);
    const opened = await openFromCheckpoint(ctx, 2);
    expect(pathsOf(opened)).toEqual(['a', 'b']);
    expect(opened.file('a')?.stats).toBe('{"numRecords":3}');
  });

  test('are put together where many are small, and hold every tombstone that is wanted', async () => {
    const ctx = memoryContext();
    let snapshot: Snapshot = await newTable(ctx, { properties: PROPERTIES });
    for (let i = 0; i < 12; i += 1) {
      ({ snapshot } = await commit(ctx, snapshot, appendSpec(`f${i}`)));
      await writeCheckpoint(ctx, snapshot);
    }
    const hint = await readText(ctx.store, LAST_CHECKPOINT_PATH);
    expect(hint.match(/sidecarFiles":\[.*\]/)?.[0].match(/"path"/g)?.length).toBeLessThan(9);
    expect(pathsOf(await openFromCheckpoint(ctx, 12))).toHaveLength(12);
    const gone = {
      kind: 'remove',
      remove: { path: 'f0', deletionTimestamp: ctx.clock.now(), dataChange: true },
    } as const;
    ({ snapshot } = await commit(ctx, snapshot, {
      ...appendSpec(),
      actions: [gone],
      reads: { kind: 'table' },
    }));
    await writeCheckpoint(ctx, snapshot);
    const opened = await openFromCheckpoint(ctx, 13);
    expect(pathsOf(opened)).toHaveLength(11);
    expect(pathsOf(await refreshSnapshot(ctx, opened))).toHaveLength(11);
  });

  test('of a table without files have no sidecars', async () => {
    const ctx = memoryContext();
    await writeCheckpoint(ctx, await newTable(ctx, { properties: PROPERTIES }));
    expect(await sidecarsOf(ctx)).toEqual([]);
    expect((await openFromCheckpoint(ctx, 0)).fileCount).toBe(0);
  });
});
