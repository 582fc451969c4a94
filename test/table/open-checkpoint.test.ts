/** Checkpoints of the V2 spec, log compaction files, hints and checksum files: used where sound, else passed over. */

import { describe, expect, test } from 'vitest';

import {
  type Action,
  checksumPath,
  checkpointPath,
  commitPath,
  printCommit,
} from '../../src/log/index.ts';
import { writeCheckpoint } from '../../src/table/checkpoint.ts';
import { openMetadata, openSnapshot, refreshSnapshot } from '../../src/table/open.ts';
import { tableSnapshot } from '../../src/table/snapshot.ts';
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
  writeText,
} from './context.ts';
import { compact, type V2Spec, writeHint, writeV2 } from './log-writer.ts';

/** Versions 0 to 5: a table, `a`, `b`, `c`, one that replaces `a` and speaks of an application, `e`. */
async function table(): Promise<TableContext> {
  const ctx = memoryContext();
  let snapshot: Snapshot = await newTable(ctx, {
    properties: { 'delta.checkpointInterval': '1000' },
  });
  const actions: readonly (readonly Action[])[] = [
    [addAction('a')],
    [addAction('b')],
    [addAction('c')],
    [removeAction('a'), addAction('d')],
    [addAction('e')],
  ];
  for (const [index, part] of actions.entries()) {
    const spec = { ...appendSpec(), actions: part, txn: { appId: 'app', version: index } };
    ({ snapshot } = await commit(ctx, snapshot, spec));
  }
  return ctx;
}

async function drop(ctx: TableContext, from: number, to: number): Promise<void> {
  const versions = Array.from({ length: to - from + 1 }, (_, index) => from + index);
  await ctx.store.delete(versions.map(commitPath));
}

async function writeTorn(ctx: TableContext, version: number): ReturnType<typeof writeV2> {
  const made = await writeV2(ctx, version, { format: 'json', sidecars: 1 });
  await writeText(ctx.store, made.path, 'torn');
  return made;
}

/** Listings, one after the other, do not show these yet. */
function hideFrom(ctx: TableContext, hidden: readonly (readonly string[])[]): void {
  const list = ctx.store.list.bind(ctx.store);
  const later = [...hidden];
  ctx.store.list = async function* (prefix, options) {
    const missing = later.shift() ?? [];
    for await (const meta of list(prefix, options)) if (!missing.includes(meta.path)) yield meta;
  };
}

async function expectWhole(ctx: TableContext): Promise<void> {
  const snapshot = await openSnapshot(ctx);
  expect(pathsOf(snapshot)).toEqual(['b', 'c', 'd', 'e']);
  expect([snapshot.version, snapshot.txnVersion('app')]).toEqual([5, 4]);
  expect((await openMetadata(ctx)).metadata).toEqual(snapshot.metadata);
}

const KINDS: readonly (readonly [string, V2Spec])[] = [
  ['JSON with sidecars', { format: 'json', sidecars: 2 }],
  ['JSON without sidecars', { format: 'json', sidecars: 0 }],
  ['Parquet with sidecars', { format: 'parquet', sidecars: 2 }],
  ['Parquet without sidecars', { format: 'parquet', sidecars: 0 }],
  ['the classic name', { format: 'parquet', sidecars: 1, classic: true }],
];

describe('a V2 checkpoint', () => {
  test.each(KINDS)('is read: %s', async (_case, spec) => {
    const ctx = await table();
    await writeV2(ctx, 4, spec);
    await drop(ctx, 0, 4);
    await expectWhole(ctx);
    expect(pathsOf(await openSnapshot(ctx, { version: 4 }))).toEqual(['b', 'c', 'd']);
  });

  test.each(KINDS)('is known from a hint: %s', async (_case, spec) => {
    const ctx = await table();
    await writeHint(ctx.store, 4, await writeV2(ctx, 4, spec));
    await drop(ctx, 0, 4);
    await expectWhole(ctx);
  });

  test.each([
    ['another version', { format: 'json', sidecars: 1, spec: { version: 3 } }],
    ['no checkpointMetadata', { format: 'json', sidecars: 1, spec: null }],
    [
      'a count of actions that its sidecars do not hold',
      { format: 'json', sidecars: 1, spec: { version: 4, tags: { sidecarNumActions: '9' } } },
    ],
  ] as const)('is passed over where it tells %s', async (_case, spec) => {
    const ctx = await table();
    const { path } = await writeV2(ctx, 4, spec);
    await expectWhole(ctx);
    await drop(ctx, 0, 3);
    await expect(openSnapshot(ctx)).rejects.toMatchObject({
      code: 'CHECKPOINT_CORRUPT',
      details: { version: 4, path },
    });
  });

  test.each([
    ['a sidecar is missing', (sidecar: string) => ({ [sidecar]: null })],
    ['a sidecar is cut off', (sidecar: string) => ({ [sidecar]: 'PAR1 torn' })],
    ['it is cut off', (_sidecar: string, path: string) => ({ [path]: '{"checkpointMetadata":' })],
    ['it is empty', (_sidecar: string, path: string) => ({ [path]: '' })],
    [
      'it holds no protocol',
      (_sidecar: string, path: string) => ({ [path]: '{"checkpointMetadata":{"version":4}}' }),
    ],
    [
      'its schema is no JSON',
      (_sidecar: string, path: string) => ({
        [path]:
          '{"checkpointMetadata":{"version":4}}\n{"protocol":{"minReaderVersion":1,"minWriterVersion":2}}\n' +
          '{"metaData":{"id":"x","schemaString":"{"}}',
      }),
    ],
    [
      'it names a sidecar outside its folder',
      (_sidecar: string, path: string) => ({ [path]: '{"sidecar":{"path":"%2E%2E"}}' }),
    ],
  ])('gives way to an older checkpoint where %s', async (_case, damage) => {
    const ctx = await table();
    await writeV2(ctx, 2, { format: 'json', sidecars: 1 });
    const made = await writeV2(ctx, 4, { format: 'json', sidecars: 1 });
    for (const [path, text] of Object.entries(
      damage(`_delta_log/_sidecars/${made.sidecars[0] ?? ''}`, made.path),
    )) {
      if (text === null) await ctx.store.delete([path]);
      else await writeText(ctx.store, path, text);
    }
    await drop(ctx, 0, 1);
    await expectWhole(ctx);
    await drop(ctx, 3, 3);
    await expect(openSnapshot(ctx)).rejects.toMatchObject({
      code: 'CHECKPOINT_CORRUPT',
      message: expect.stringContaining('version 4') as string,
    });
  });

  test('leaves the place to others of its version', async () => {
    const ctx = await table();
    const { path } = await writeV2(ctx, 4, { format: 'json', sidecars: 1 });
    await writeText(ctx.store, path, 'torn');
    await writeV2(ctx, 4, { format: 'parquet', sidecars: 1, classic: true });
    await drop(ctx, 0, 4);
    await expectWhole(ctx);
  });

  test('that is torn is no loss where its commit came too late for the first listing', async () => {
    const ctx = await table();
    await writeTorn(ctx, 5);
    hideFrom(ctx, [[commitPath(5)]]);
    expect(pathsOf(await openSnapshot(ctx))).toEqual(['b', 'c', 'd', 'e']);
  });

  test('that is torn, as the one before it is, is no loss either in the second', async () => {
    const ctx = await table();
    await writeHint(ctx.store, 2, await writeTorn(ctx, 2));
    const { path } = await writeTorn(ctx, 5);
    hideFrom(ctx, [[commitPath(5), path], [commitPath(5)]]);
    expect(pathsOf(await openSnapshot(ctx))).toEqual(['b', 'c', 'd', 'e']);
  });

  test('is read where the hint repeats it wrongly', async () => {
    const ctx = await table();
    const made = await writeV2(ctx, 4, { format: 'json', sidecars: 1 });
    const lines = made.lines.filter((line) => !('protocol' in line));
    await writeHint(ctx.store, 4, { ...made, lines });
    await drop(ctx, 0, 4);
    await expectWhole(ctx);
  });

  test('is not read for what a hint repeats', async () => {
    const ctx = await table();
    const made = await writeV2(ctx, 4, { format: 'json', sidecars: 1 });
    await writeHint(ctx.store, 4, made);
    await writeText(ctx.store, made.path, 'x'.repeat(made.sizeBytes));
    await drop(ctx, 0, 4);
    await expectWhole(ctx);
    await writeText(ctx.store, made.path, 'of another size');
    await expect(openSnapshot(ctx)).rejects.toMatchObject({ code: 'CHECKPOINT_CORRUPT' });
  });
});

describe('a compacted file', () => {
  const MISLEADING = `${JSON.stringify({ add: { path: 'z', partitionValues: {}, size: 1, modificationTime: 1, dataChange: true } })}\n`;

  test('is read for the commits that it stands for, and for no version inside', async () => {
    const ctx = await table();
    const path = await compact(ctx.store, 2, 3);
    for (const version of [2, 3]) await writeText(ctx.store, commitPath(version), 'not read');
    const snapshot = await openSnapshot(ctx);
    expect(pathsOf(snapshot)).toEqual(['b', 'c', 'd', 'e']);
    await expect(openSnapshot(ctx, { version: 2 })).rejects.toMatchObject({ code: 'LOG_CORRUPT' });
    await writeText(ctx.store, path, MISLEADING);
    expect(pathsOf(await openSnapshot(ctx))).toEqual(['d', 'e', 'z']);
  });

  test('that ends at the version itself leaves that commit to be read, for its commitInfo', async () => {
    const ctx = await table();
    const before = tableSnapshot(await openSnapshot(ctx));
    await compact(ctx.store, 1, 5);
    await writeText(ctx.store, commitPath(3), 'not read');
    const { state } = tableSnapshot(await openSnapshot(ctx));
    expect(state.commitInfo).toEqual(before.state.commitInfo);
    expect([...state.files.values()].map(({ path }) => path).sort()).toEqual(['b', 'c', 'd', 'e']);
    expect(state.tombstones.get('a')).not.toBeNull();
  });

  test.each([
    ['cut off', '{"add":'],
    ['empty', ''],
    ['not reconciled', MISLEADING + MISLEADING],
  ])('is passed over where it is %s', async (_case, text) => {
    const ctx = await table();
    await writeText(ctx.store, await compact(ctx.store, 2, 3), text);
    await expectWhole(ctx);
  });
});

describe('the checksum file of a version', () => {
  test('shows that a checkpoint is wrong, and the commits are read instead', async () => {
    const ctx = await table();
    await writeCheckpoint(ctx, await openSnapshot(ctx));
    const other = await table();
    await writeCheckpoint(other, await openSnapshot(other, { version: 4 }));
    const { bytes } = await other.store.get(checkpointPath(4));
    await ctx.store.put(checkpointPath(5), bytes, { kind: 'overwrite' });
    await expectWhole(ctx);
    // Nothing else is left to choose: then the checkpoint is believed.
    await drop(ctx, 0, 4);
    expect(pathsOf(await openSnapshot(ctx))).toEqual(['b', 'c', 'd']);
  });

  test('shows that a compacted file is wrong', async () => {
    const ctx = await table();
    await writeCheckpoint(ctx, await openSnapshot(ctx));
    await ctx.store.delete([checkpointPath(5), '_delta_log/_last_checkpoint']);
    const path = await compact(ctx.store, 2, 3);
    const text = await readText(ctx.store, path);
    await writeText(ctx.store, path, text.slice(0, text.lastIndexOf('{"add"')));
    await expectWhole(ctx);
  });

  test('is not believed against the commits', async () => {
    const ctx = await table();
    await writeCheckpoint(ctx, await openSnapshot(ctx));
    await writeText(ctx.store, checksumPath(5), '{"numFiles":77,"tableSizeBytes":1}');
    await expectWhole(ctx);
  });
});

test('a table whose old commits are cleaned up while it is opened is read from what there is then', async () => {
  const ctx = await table();
  const { store } = ctx;
  let cleaned = false;
  const get: typeof store.get = async (path) => {
    if (path === commitPath(2) && !cleaned) {
      cleaned = true;
      await writeV2(ctx, 4, { format: 'json', sidecars: 1 });
      await drop(ctx, 0, 3);
    }
    return store.get(path);
  };
  const cleanedStore = new Proxy(store, {
    get: (target, name) => {
      const member: unknown = name === 'get' ? get : Reflect.get(target, name);
      return typeof member === 'function' ? (member.bind(target) as unknown) : member;
    },
  });
  expect(pathsOf(await openSnapshot({ ...ctx, store: cleanedStore }))).toEqual([
    'b',
    'c',
    'd',
    'e',
  ]);
  expect(cleaned).toBe(true);
});

test('a table with V2 checkpoints is written, and gets one of the classic kind', async () => {
  const ctx = await table();
  await writeHint(ctx.store, 4, await writeV2(ctx, 4, { format: 'json', sidecars: 1 }));
  const features = ['v2Checkpoint'];
  const protocol = {
    minReaderVersion: 3,
    minWriterVersion: 7,
    readerFeatures: features,
    writerFeatures: features,
  };
  const upgrade = printCommit([{ kind: 'protocol', protocol }]);
  await ctx.store.put(commitPath(6), upgrade, { kind: 'create' });
  const { snapshot } = await commit(ctx, await openSnapshot(ctx), appendSpec('f'));
  await writeCheckpoint(ctx, snapshot);
  await drop(ctx, 0, 7);
  const reopened = await openSnapshot(ctx);
  expect(pathsOf(reopened)).toEqual(['b', 'c', 'd', 'e', 'f']);
  expect(reopened.protocol).toEqual(protocol);
});

test('refuses by name what only a catalog knows', async () => {
  const ctx = await table();
  const features = ['catalogManaged'];
  await writeText(
    ctx.store,
    commitPath(6),
    new TextDecoder().decode(
      printCommit([
        {
          kind: 'protocol',
          protocol: {
            minReaderVersion: 3,
            minWriterVersion: 7,
            readerFeatures: features,
            writerFeatures: features,
          },
        },
      ]),
    ),
  );
  await expect(openSnapshot(ctx)).rejects.toMatchObject({
    code: 'FEATURE_UNSUPPORTED',
    message: expect.stringContaining('catalogManaged; open it with the commitSource') as string,
  });
  const old = await openSnapshot(ctx, { version: 5 });
  await expect(refreshSnapshot(ctx, old)).rejects.toMatchObject({ code: 'FEATURE_UNSUPPORTED' });
});
