import { describe, expect, test } from 'vitest';

import { commitPath, LOG_FOLDER, SIDECAR_FOLDER } from '../../src/log/index.ts';
import { writeCheckpoint } from '../../src/table/checkpoint.ts';
import { cleanUpLog } from '../../src/table/cleanup.ts';
import { dropFeature } from '../../src/table/drop-feature.ts';
import { openSnapshot } from '../../src/table/open.ts';
import type { Snapshot, TableContext } from '../../src/table/types.ts';
import { appendSpec, commit, memoryContext, newTable, pathsOf, writeText } from './context.ts';

const DAY_MS = 86_400_000;
type Context = ReturnType<typeof memoryContext>;

/** A commit a day. */
async function appendDaily(ctx: Context, snapshot: Snapshot, days: number): Promise<Snapshot> {
  let latest = snapshot;
  for (let day = 0; day < days; day += 1) {
    await ctx.clock.sleep(DAY_MS);
    ({ snapshot: latest } = await commit(ctx, latest, appendSpec(`f${latest.version}`)));
  }
  return latest;
}

async function listed({ store }: TableContext, folder = LOG_FOLDER): Promise<readonly string[]> {
  const paths: string[] = [];
  for await (const { path } of store.list(folder)) paths.push(path);
  return paths;
}

describe('cleanUpLog', () => {
  test.each(['classic', 'v2'])('keeps every version from a checkpoint on: %s', async (policy) => {
    const ctx = memoryContext();
    const table = await newTable(ctx, { properties: { 'delta.checkpointPolicy': policy } });
    const latest = await appendDaily(ctx, table, 55);
    const before = await listed(ctx);
    const planned = await cleanUpLog(ctx, latest, { dryRun: true });
    expect(planned).toMatchObject({ kind: 'planned', keepFrom: 20, reason: null });
    expect(await listed(ctx)).toEqual(before);
    const done = await cleanUpLog(ctx, latest);
    expect([done.kind, done.paths]).toEqual(['deleted', planned.paths]);
    expect((await listed(ctx))[0]).toMatch(/_delta_log\/0{18}20/);
    for (let version = 20; version <= 55; version += 1) {
      const opened = await openSnapshot(ctx, { version });
      expect(opened.fileCount).toBe(version);
    }
    await expect(openSnapshot(ctx, { version: 19 })).rejects.toMatchObject({
      code: 'VERSION_NOT_FOUND',
    });
    expect((await cleanUpLog(ctx, latest)).kind).toBe('nothing');
  });

  test('deletes sidecars that nobody names any more, and no others', async () => {
    const ctx = memoryContext();
    const table = await newTable(ctx, { properties: { 'delta.checkpointPolicy': 'v2' } });
    const latest = await appendDaily(ctx, table, 45);
    await writeText(ctx.store, `${SIDECAR_FOLDER}/fresh.parquet`, 'x');
    const { paths } = await cleanUpLog(ctx, latest);
    expect(paths.filter((path) => path.startsWith(SIDECAR_FOLDER))).toEqual([]);
    await ctx.clock.sleep(2 * DAY_MS);
    const later = await appendDaily(ctx, latest, 10);
    const again = await cleanUpLog(ctx, later);
    expect(again.paths).toContain(`${SIDECAR_FOLDER}/fresh.parquet`);
    expect(pathsOf(await openSnapshot(ctx))).toHaveLength(55);
  });

  test('does nothing where the table keeps all, where nothing is old, or where a commit is missing', async () => {
    const ctx = memoryContext();
    const table = await newTable(ctx);
    const latest = await appendDaily(ctx, table, 12);
    expect((await cleanUpLog(ctx, latest)).reason).toMatch(/no commit is older/);
    await ctx.clock.sleep(31 * DAY_MS);
    await ctx.store.delete([commitPath(11)]);
    await expect(cleanUpLog(ctx, await openSnapshot(ctx, { version: 10 }))).rejects.toMatchObject({
      code: 'LOG_GAP',
    });
    expect(await ctx.store.head(commitPath(0))).not.toBeNull();
    const kept = memoryContext();
    const off = await newTable(kept, { properties: { 'delta.enableExpiredLogCleanup': 'false' } });
    expect((await cleanUpLog(kept, off)).reason).toMatch(/enableExpiredLogCleanup/);
  });

  test('deletes nothing where the checkpoint to begin from cannot be read', async () => {
    const ctx = memoryContext();
    const latest = await appendDaily(ctx, await newTable(ctx), 45);
    const before = await listed(ctx);
    await writeText(ctx.store, `${LOG_FOLDER}/00000000000000000010.checkpoint.parquet`, 'torn');
    await expect(cleanUpLog(ctx, latest)).rejects.toMatchObject({ code: 'CHECKPOINT_CORRUPT' });
    expect(await listed(ctx)).toEqual(before);
  });

  test('leaves protected checkpoints until all before them may go', async () => {
    const ctx = memoryContext();
    const table = await newTable(ctx, {
      properties: { 'delta.enableDeletionVectors': 'true', 'delta.checkpointInterval': '4' },
    });
    const first = await appendDaily(ctx, table, 6);
    const { snapshot } = await dropFeature(ctx, first, 'deletionVectors');
    await ctx.clock.sleep(29 * DAY_MS);
    const next = (await commit(ctx, snapshot, appendSpec('x'))).snapshot;
    expect((await cleanUpLog(ctx, next)).reason).toMatch(/before version 7 are protected/);
    await ctx.clock.sleep(40 * DAY_MS);
    const last = (await commit(ctx, next, appendSpec('y'))).snapshot;
    await writeCheckpoint(ctx, last);
    const { keepFrom } = await cleanUpLog(ctx, last);
    expect(keepFrom).toBeGreaterThanOrEqual(7);
    const dropped = await dropFeature(ctx, last, 'checkpointProtection');
    expect(dropped.snapshot.protocol).toEqual({ minReaderVersion: 1, minWriterVersion: 2 });
  });
});
