import { readdir } from 'node:fs/promises';

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import {
  type Action,
  checkpointPath,
  checksumPath,
  commitPath,
  LAST_CHECKPOINT_PATH,
} from '../../src/log/index.ts';
import { memorySource, readFooter } from '../../src/parquet/index.ts';
import { writeCheckpoint } from '../../src/table/checkpoint.ts';
import { openSnapshot } from '../../src/table/open.ts';
import { tableSnapshot } from '../../src/table/snapshot.ts';
import type { Snapshot } from '../../src/table/types.ts';
import {
  addAction,
  appendSpec,
  commit,
  memoryContext,
  newTable,
  onDisk,
  pathsOf,
  readText,
  removeAction,
} from './context.ts';

/** All that a checkpoint must carry, each list by key; tombstones only by path. */
function contentOf(snapshot: Snapshot): unknown {
  const { state } = tableSnapshot(snapshot);
  const byKey = <T>(values: Iterable<T>, keyOf: (value: T) => string): Record<string, T> =>
    Object.fromEntries(Array.from(values, (value) => [keyOf(value), value]));
  const files = Array.from(state.files.values(), (file) => ({ ...file, dataChange: false }));
  return {
    files: byKey(files, ({ path }) => path),
    tombstones: Array.from(state.tombstones.values(), ({ path }) => path).sort(),
    txns: byKey(state.txns.values(), ({ appId }) => appId),
    domains: byKey(state.domains.values(), ({ domain }) => domain),
    metadata: state.metadata,
    protocol: state.protocol,
    sizeBytes: state.files.sizeBytes,
  };
}

describe('writeCheckpoint', () => {
  test('carries everything through a round trip', async () => {
    const ctx = memoryContext();
    const table = await newTable(ctx, {
      partitionBy: ['id'],
      properties: { 'delta.checkpointInterval': '1000', own: 'ü "q"' },
      name: 'named',
    });
    const full: Action = addAction('p=a%20b/x', {
      partitionValues: { id: null },
      stats: '{"numRecords":9007199254740993}',
      tags: { t: 'v', none: null },
      baseRowId: 9_007_199_254_740_993n,
      defaultRowCommitVersion: 1,
      clusteringProvider: 'c',
    });
    const { snapshot } = await commit(ctx, table, {
      ...appendSpec(),
      actions: [
        full,
        addAction('plain', { partitionValues: { id: 'ç' } }),
        {
          kind: 'remove',
          remove: {
            path: 'gone',
            deletionTimestamp: ctx.clock.now(),
            dataChange: true,
            extendedFileMetadata: true,
            partitionValues: { id: null },
            size: 3,
          },
        },
        {
          kind: 'domainMetadata',
          domainMetadata: { domain: 'd', configuration: '{}', removed: false },
        },
        // Times in nanoseconds, and a version of another engine's application: any int64 is one.
        addAction('far', { partitionValues: { id: null }, modificationTime: 1.7e18 }),
        { kind: 'txn', txn: { appId: 'far', version: 2n ** 63n - 1n, lastUpdated: 1.7e18 } },
      ],
      txn: { appId: 'app', version: 7 },
    });
    await writeCheckpoint(ctx, snapshot);
    await ctx.store.delete([commitPath(0), commitPath(1)]);
    expect(contentOf(await openSnapshot(ctx))).toEqual(contentOf(snapshot));
  });

  test('has the nullability that Spark gives its columns', async () => {
    const ctx = memoryContext();
    await writeCheckpoint(ctx, await newTable(ctx));
    const { bytes } = await ctx.store.get(checkpointPath(0));
    const { columns } = await readFooter(memorySource('checkpoint', bytes));
    const required = columns.flatMap((column) =>
      column.children
        .filter((member) => member.repetition === 'REQUIRED')
        .map((member) => `${column.name}.${member.name}`),
    );
    expect(columns.map(({ name, repetition }) => [name, repetition])).toEqual(
      ['txn', 'add', 'remove', 'metaData', 'protocol', 'domainMetadata'].map((name) => [
        name,
        'OPTIONAL',
      ]),
    );
    expect(required).toEqual([
      'txn.version',
      'add.size',
      'add.modificationTime',
      'add.dataChange',
      'remove.dataChange',
      'protocol.minReaderVersion',
      'protocol.minWriterVersion',
      'domainMetadata.removed',
    ]);
  });

  test('drops tombstones that are older than the table keeps them', async () => {
    const ctx = memoryContext();
    const table = await newTable(ctx, {
      properties: { 'delta.deletedFileRetentionDuration': 'interval 1 hour' },
    });
    const { snapshot } = await commit(ctx, table, {
      ...appendSpec(),
      actions: [removeAction('old')],
    });
    await writeCheckpoint(ctx, snapshot);
    const { state } = tableSnapshot(await openSnapshot(ctx));
    expect(state.tombstones.size).toBe(0);
  });

  test('leaves a hint and a checksum file', async () => {
    const ctx = memoryContext();
    const { snapshot } = await commit(ctx, await newTable(ctx), appendSpec('a'));
    await writeCheckpoint(ctx, snapshot);
    expect(JSON.parse(await readText(ctx.store, LAST_CHECKPOINT_PATH))).toMatchObject({
      version: 1,
      size: 3,
      numOfAddFiles: 1,
    });
    expect(JSON.parse(await readText(ctx.store, checksumPath(1)))).toMatchObject({
      numFiles: 1,
      tableSizeBytes: 10,
    });
  });
});

test('commits write one every delta.checkpointInterval versions', async () => {
  await onDisk(async (ctx, folder) => {
    let snapshot = await newTable(ctx, { properties: { 'delta.checkpointInterval': '3' } });
    for (let count = 1; count <= 7; count += 1) {
      ({ snapshot } = await commit(ctx, snapshot, appendSpec(`f${count}`)));
    }
    const names = await readdir(`${folder}/_delta_log`);
    expect(names.filter((name) => name.endsWith('.checkpoint.parquet')).sort()).toEqual(
      [checkpointPath(3), checkpointPath(6)].map((path) => path.slice('_delta_log/'.length)),
    );
    expect((await openSnapshot(ctx)).fileCount).toBe(7);
  });
});

test('ten thousand files go through a checkpoint', async () => {
  const ctx = memoryContext();
  const paths = Array.from({ length: 10_000 }, (_, index) => `part-${index}.parquet`);
  const { snapshot } = await commit(ctx, await newTable(ctx), appendSpec(...paths));
  await writeCheckpoint(ctx, snapshot);
  await ctx.store.delete([commitPath(0), commitPath(1)]);
  const opened = await openSnapshot(ctx);
  expect(opened.sizeBytes).toBe(100_000);
  expect(pathsOf(opened)).toEqual(paths.sort());
});

const action = fc.oneof(
  fc.constantFrom('a', 'b', 'c%20d', 'e').map((path) => addAction(path)),
  fc.constantFrom('a', 'b', 'c d').map((path): Action => ({
    kind: 'remove',
    remove: { path, deletionTimestamp: 2_000_000_000_000, dataChange: true },
  })),
);

test('law: opening from a checkpoint at any version is opening from the commits', async () => {
  const history = fc.array(fc.array(action, { minLength: 1, maxLength: 3 }), {
    minLength: 1,
    maxLength: 6,
  });
  await fc.assert(
    fc.asyncProperty(history, fc.nat(5), async (commits, at) => {
      const ctx = memoryContext();
      const snapshots = [await newTable(ctx)];
      for (const actions of commits) {
        const last = snapshots.at(-1);
        if (last === undefined) continue;
        const spec = { ...appendSpec(), actions };
        snapshots.push((await commit(ctx, last, spec)).snapshot);
      }
      const early = snapshots[Math.min(at, commits.length)];
      const expected = contentOf(await openSnapshot(ctx));
      if (early === undefined) return;
      await writeCheckpoint(ctx, early);
      await ctx.store.delete(Array.from({ length: early.version + 1 }, (_, v) => commitPath(v)));
      expect(contentOf(await openSnapshot(ctx))).toEqual(expected);
    }),
    { numRuns: 25 },
  );
});
