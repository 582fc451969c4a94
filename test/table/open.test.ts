import { describe, expect, test } from 'vitest';

import {
  checkpointPath,
  checksumPath,
  commitPath,
  LAST_CHECKPOINT_PATH,
} from '../../src/log/index.ts';
import type { ObjectStore } from '../../src/store/index.ts';
import { openMetadata, openSnapshot, refreshSnapshot } from '../../src/table/open.ts';
import type { Snapshot, TableContext } from '../../src/table/types.ts';
import { writeCheckpoint } from '../../src/table/checkpoint.ts';
import {
  addAction,
  appendSpec,
  cleanedAtRead,
  commit,
  memoryContext,
  newTable,
  onDisk,
  pathsOf,
  readText,
  writeText,
} from './context.ts';
import { writeV2 } from './log-writer.ts';

const MANUAL = { properties: { 'delta.checkpointInterval': '1000' } };

/** A table with a version for each path; no checkpoint is written by itself. */
async function tableOf(ctx: TableContext, ...paths: readonly string[]): Promise<Snapshot[]> {
  const snapshots = [await newTable(ctx, MANUAL)];
  for (const path of paths) {
    const last = snapshots.at(-1);
    if (last !== undefined) snapshots.push((await commit(ctx, last, appendSpec(path))).snapshot);
  }
  return snapshots;
}

async function checkpointAt(ctx: TableContext, version: number): Promise<void> {
  await writeCheckpoint(ctx, await openSnapshot(ctx, { version }));
}

async function drop(store: ObjectStore, ...versions: readonly number[]): Promise<void> {
  await store.delete(versions.map(commitPath));
}

describe('openSnapshot', () => {
  test('opens each version', async () => {
    const ctx = memoryContext();
    await tableOf(ctx, 'a', 'b');
    expect(pathsOf(await openSnapshot(ctx))).toEqual(['a', 'b']);
    expect(pathsOf(await openSnapshot(ctx, { version: 1 }))).toEqual(['a']);
    expect((await openSnapshot(ctx, { version: 0 })).fileCount).toBe(0);
  });

  test('reads a checkpoint and the commits after it, and no others', async () => {
    const ctx = memoryContext();
    await tableOf(ctx, 'a', 'b', 'c');
    await checkpointAt(ctx, 2);
    await drop(ctx.store, 0, 1, 2);
    const snapshot = await openSnapshot(ctx);
    expect(pathsOf(snapshot)).toEqual(['a', 'b', 'c']);
    expect(snapshot.metadata.configuration).toEqual(MANUAL.properties);
    expect(pathsOf(await openSnapshot(ctx, { version: 2 }))).toEqual(['a', 'b']);
  });

  test.each([
    ['missing', null],
    ['torn', '{"version":'],
    ['older than the newest checkpoint', '{"version":1,"size":3}'],
    ['newer than the log', '{"version":9,"size":3}'],
    ['of a checkpoint that is not there', '{"version":3,"size":3}'],
    ['wrong about parts', '{"version":2,"size":3,"parts":5}'],
  ])('does not depend on the hint: %s', async (_case, hint) => {
    const ctx = memoryContext();
    await tableOf(ctx, 'a', 'b', 'c');
    await checkpointAt(ctx, 1);
    await checkpointAt(ctx, 2);
    if (hint === null) await ctx.store.delete([LAST_CHECKPOINT_PATH]);
    else await writeText(ctx.store, LAST_CHECKPOINT_PATH, hint);
    expect(pathsOf(await openSnapshot(ctx))).toEqual(['a', 'b', 'c']);
    expect(pathsOf(await openSnapshot(ctx, { version: 1 }))).toEqual(['a']);
  });

  test('falls back from a corrupt checkpoint to an older one, and to the commits', async () => {
    const ctx = memoryContext();
    await tableOf(ctx, 'a', 'b', 'c');
    await checkpointAt(ctx, 1);
    await checkpointAt(ctx, 2);
    await writeText(ctx.store, checkpointPath(2), 'PAR1 torn');
    expect(pathsOf(await openSnapshot(ctx))).toEqual(['a', 'b', 'c']);
    await drop(ctx.store, 0, 1);
    expect(pathsOf(await openSnapshot(ctx))).toEqual(['a', 'b', 'c']);
    await writeText(ctx.store, checkpointPath(1), '');
    await expect(openSnapshot(ctx)).rejects.toMatchObject({
      code: 'CHECKPOINT_CORRUPT',
      message: expect.stringContaining(checkpointPath(2)) as string,
    });
  });

  test.each([
    ['no table', async () => {}, 'TABLE_NOT_FOUND'],
    [
      'a missing commit',
      async (ctx: TableContext) => {
        await tableOf(ctx, 'a', 'b');
        await drop(ctx.store, 1);
      },
      'LOG_GAP',
    ],
    [
      'a corrupt commit',
      async (ctx: TableContext) => {
        await tableOf(ctx, 'a', 'b');
        await writeText(ctx.store, commitPath(1), '{"add":');
      },
      'LOG_CORRUPT',
    ],
    [
      'an unsupported feature',
      async (ctx: TableContext) => {
        await tableOf(ctx, 'a');
        const text = await readText(ctx.store, commitPath(0));
        await writeText(ctx.store, commitPath(0), text.replace('Version":1', 'Version":9'));
      },
      'FEATURE_UNSUPPORTED',
    ],
  ])('refuses %s', async (_case, prepare, code) => {
    const ctx = memoryContext();
    await prepare(ctx);
    await expect(openSnapshot(ctx)).rejects.toMatchObject({ code });
    if (code !== 'LOG_CORRUPT') await expect(openMetadata(ctx)).rejects.toMatchObject({ code });
  });

  test('refuses a version that the table does not have', async () => {
    const ctx = memoryContext();
    await tableOf(ctx, 'a');
    await expect(openSnapshot(ctx, { version: 2 })).rejects.toMatchObject({
      code: 'VERSION_NOT_FOUND',
      details: { earliest: 0, latest: 1 },
    });
  });
});

describe('time travel', () => {
  test('finds the last version committed by a time, and refuses one before the first', async () => {
    const ctx = memoryContext();
    const start = ctx.clock.now();
    let snapshot = await newTable(ctx, MANUAL);
    for (const path of ['a', 'b']) {
      ctx.clock.advance(1_000);
      ({ snapshot } = await commit(ctx, snapshot, appendSpec(path)));
    }
    const versionBy = async (timestampMs: number): Promise<number> =>
      (await openSnapshot(ctx, { timestampMs })).version;
    expect(await versionBy(start)).toBe(0);
    expect(await versionBy(start + 999)).toBe(0);
    expect(await versionBy(start + 1_000)).toBe(1);
    expect(await versionBy(start + 9_999)).toBe(2);
    await expect(versionBy(start - 1)).rejects.toMatchObject({ code: 'TIMESTAMP_TOO_EARLY' });
  });

  test('makes times rise where files do not', async () => {
    const ctx = memoryContext();
    const start = ctx.clock.now();
    await tableOf(ctx, 'a', 'b');
    expect((await openSnapshot(ctx, { version: 2 })).timestampMs).toBe(start + 2);
    expect((await openSnapshot(ctx, { timestampMs: start + 1 })).version).toBe(1);
  });

  /** Versions 0 and 1 by their files' times; 2 and later carry their own, 500, 600 and so on. */
  async function ownTimes(ctx: TableContext, ...paths: readonly string[]): Promise<void> {
    const snapshots = await tableOf(ctx, 'before');
    const metaData = {
      ...snapshots[0]?.metadata,
      configuration: {
        ...MANUAL.properties,
        'delta.enableInCommitTimestamps': 'true',
        'delta.inCommitTimestampEnablementVersion': '2',
        'delta.inCommitTimestampEnablementTimestamp': '500',
      },
    };
    const protocol = {
      minReaderVersion: 1,
      minWriterVersion: 7,
      writerFeatures: ['inCommitTimestamp'],
    };
    const commits = [{ protocol }, ...paths.map((path) => addAction(path))];
    for (const [index, action] of commits.entries()) {
      const lines = [
        { commitInfo: { inCommitTimestamp: 500 + index * 100 } },
        'kind' in action ? { add: action.kind === 'add' ? action.add : null } : action,
        ...(index === 0 ? [{ metaData }] : []),
      ];
      const text = lines.map((line) => JSON.stringify(line)).join('\n');
      await writeText(ctx.store, commitPath(2 + index), text);
    }
  }

  test('counts in-commit timestamps from the version on that enabled them', async () => {
    const ctx = memoryContext();
    // Files that were copied are younger than what the commits say.
    ctx.clock.advance(10_000 - ctx.clock.now());
    await ownTimes(ctx, 'a', 'b');
    const versionBy = async (timestampMs: number): Promise<number> =>
      (await openSnapshot(ctx, { timestampMs })).version;
    expect(await versionBy(500)).toBe(2);
    expect(await versionBy(699)).toBe(3);
    expect(await versionBy(20_000)).toBe(4);
    await expect(versionBy(499)).rejects.toMatchObject({ code: 'TIMESTAMP_TOO_EARLY' });
    const times = await Promise.all(
      [1, 2, 3, 4].map(async (version) => (await openSnapshot(ctx, { version })).timestampMs),
    );
    expect(times).toEqual([10_001, 500, 600, 700]);
  });

  test('looks for a time before they were enabled among the older versions alone', async () => {
    const ctx = memoryContext();
    ctx.clock.advance(100 - ctx.clock.now());
    await ownTimes(ctx, 'a');
    expect((await openSnapshot(ctx, { timestampMs: 499 })).version).toBe(1);
    const old = await openSnapshot(ctx, { version: 2 });
    expect((await refreshSnapshot(ctx, old)).timestampMs).toBe(600);
  });

  test('takes the in-commit timestamp of a version that is read from its checkpoint alone', async () => {
    const ctx = memoryContext();
    await ownTimes(ctx, 'a');
    await writeV2(ctx, 3, { format: 'json', sidecars: 0 });
    await drop(ctx.store, 0, 1, 2);
    expect((await openSnapshot(ctx)).timestampMs).toBe(600);
    await drop(ctx.store, 3);
    await writeText(ctx.store, checksumPath(3), '{"inCommitTimestampOpt":601}');
    expect((await openSnapshot(ctx)).timestampMs).toBe(601);
  });

  test('names the first version that can be built where a time is too early for it', async () => {
    const ctx = memoryContext();
    const start = ctx.clock.now();
    await tableOf(ctx, 'a', 'b', 'c');
    await checkpointAt(ctx, 2);
    await drop(ctx.store, 0);
    await expect(openSnapshot(ctx, { timestampMs: start })).rejects.toMatchObject({
      code: 'TIMESTAMP_TOO_EARLY',
    });
    expect((await openSnapshot(ctx, { timestampMs: start + 1 })).version).toBe(2);
  });
});

describe('refreshSnapshot', () => {
  test('gives the same snapshot where nothing was committed, else the newest', async () => {
    const ctx = memoryContext();
    const [first, , last] = await tableOf(ctx, 'a', 'b');
    if (first === undefined || last === undefined) throw new Error('no table');
    expect(await refreshSnapshot(ctx, last)).toBe(last);
    const refreshed = await refreshSnapshot(ctx, first);
    expect([refreshed.version, pathsOf(refreshed)]).toEqual([2, ['a', 'b']]);
    expect(refreshed.timestampMs).toBe(last.timestampMs);
  });

  test('reads the log anew where its old part is gone', async () => {
    const ctx = memoryContext();
    const [first] = await tableOf(ctx, 'a', 'b', 'c');
    await checkpointAt(ctx, 3);
    await drop(ctx.store, 0, 1, 2);
    if (first === undefined) throw new Error('no table');
    expect(pathsOf(await refreshSnapshot(ctx, first))).toEqual(['a', 'b', 'c']);
  });

  test('reads the log anew where its old part goes between being listed and read', async () => {
    const ctx = memoryContext();
    const [first] = await tableOf(ctx, 'a', 'b', 'c');
    await checkpointAt(ctx, 3);
    if (first === undefined) throw new Error('no table');
    const cleaned = cleanedAtRead(ctx.store, commitPath(2), () => drop(ctx.store, 0, 1, 2));
    expect(pathsOf(await refreshSnapshot({ ...ctx, store: cleaned }, first))).toEqual([
      'a',
      'b',
      'c',
    ]);
  });
});

describe('openMetadata', () => {
  test('tells version, protocol, metadata and schema, from commits alone', async () => {
    const ctx = memoryContext();
    const [first] = await tableOf(ctx, 'a');
    expect(await openMetadata(ctx)).toEqual({
      version: 1,
      protocol: first?.protocol,
      metadata: first?.metadata,
      schema: first?.schema,
    });
  });

  test('takes a checksum file rather than a checkpoint, and a checkpoint where that is torn', async () => {
    const ctx = memoryContext();
    const [first] = await tableOf(ctx, 'a', 'b');
    await checkpointAt(ctx, 1);
    await drop(ctx.store, 0, 1);
    const checksum = await readText(ctx.store, checksumPath(1));
    await writeText(ctx.store, checksumPath(1), checksum.slice(0, 40));
    expect(await openMetadata(ctx)).toMatchObject({ version: 2, metadata: first?.metadata });

    // A checksum file alone is no reason to refuse a table.
    await writeText(ctx.store, checksumPath(1), checksum.replace('Version":1', 'Version":9'));
    expect(await openMetadata(ctx)).toMatchObject({ version: 2, protocol: first?.protocol });

    await writeText(ctx.store, checksumPath(1), checksum);
    await writeText(ctx.store, checkpointPath(1), 'PAR1 torn');
    expect(await openMetadata(ctx)).toMatchObject({ version: 2, metadata: first?.metadata });
  });
});

test('a table on disk is opened from any folder name', async () => {
  await onDisk(async (ctx) => {
    await tableOf(ctx, 'p=a%20b/x');
    expect(pathsOf(await openSnapshot(ctx))).toEqual(['p=a%20b/x']);
  });
});
