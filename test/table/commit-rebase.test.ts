import { describe, expect, test } from 'vitest';

import {
  type Action,
  checksumPath,
  commitPath,
  parseCommit,
  rowIdHighWaterMark,
} from '../../src/log/index.ts';
import { parseExpression } from '../../src/schema/index.ts';
import { type Fault, type FaultyCall, faultyStore } from '../../src/store/index.ts';
import { writeCheckpoint } from '../../src/table/checkpoint.ts';
import { commitTransaction } from '../../src/table/commit.ts';
import { openSnapshot } from '../../src/table/open.ts';
import { tableSnapshot } from '../../src/table/snapshot.ts';
import type { Snapshot, TableContext, TransactionSpec } from '../../src/table/types.ts';
import { addAction, appendSpec, commit, memoryContext, newTable, removeAction } from './context.ts';

const ROW_TRACKING = { properties: { 'delta.enableRowTracking': 'true' } };
const TIMESTAMPS = { properties: { 'delta.enableInCommitTimestamps': 'true' } };

const counted = (path: string, rowCount = 1): TransactionSpec => ({
  ...appendSpec(),
  actions: [addAction(path, { stats: `{"numRecords":${rowCount}}` })],
});

const setProperties = (
  { metadata }: Snapshot,
  properties: Readonly<Record<string, string>>,
): TransactionSpec => ({
  operation: 'SET TBLPROPERTIES',
  actions: [
    {
      kind: 'metaData',
      metaData: { ...metadata, configuration: { ...metadata.configuration, ...properties } },
    },
  ],
  reads: { kind: 'nothing' },
});

async function actionsOf(ctx: TableContext, version: number): Promise<readonly Action[]> {
  const path = commitPath(version);
  return parseCommit((await ctx.store.get(path)).bytes, path);
}

async function infoOf(ctx: TableContext, version: number): Promise<Record<string, unknown>> {
  const [first] = await actionsOf(ctx, version);
  return first?.kind === 'commitInfo' ? first.commitInfo : {};
}

describe('row ids', () => {
  test('are fresh for each file, also of those who lost the race', async () => {
    const ctx = memoryContext();
    const start = await newTable(ctx, ROW_TRACKING);
    await commit(ctx, start, counted('a', 3));
    await commit(ctx, start, counted('b', 5));
    const { snapshot } = await commit(ctx, start, counted('c', 2));
    const opened = await openSnapshot(ctx);
    for (const at of [snapshot, opened]) {
      const ids = ['a', 'b', 'c'].map((path) => {
        const file = at.file(path);
        return [file?.baseRowId, file?.defaultRowCommitVersion];
      });
      expect(ids).toEqual([
        [0, 1],
        [3, 2],
        [8, 3],
      ]);
      expect(rowIdHighWaterMark(tableSnapshot(at).state)).toBe(9n);
    }
    expect((await infoOf(ctx, 3))['tags']).toEqual({ 'delta.rowTracking.preserved': 'true' });
  });

  test('come with the names of the columns that hold those of moved rows', async () => {
    const ctx = memoryContext();
    const { metadata } = await newTable(ctx, ROW_TRACKING);
    const name = metadata.configuration['delta.rowTracking.materializedRowIdColumnName'];
    expect(name).toMatch(/^_row-id-col-[0-9a-f-]{36}$/);
  });

  test('are kept when rows are deleted, and lost by nothing that moves rows', async () => {
    const ctx = memoryContext();
    const { snapshot } = await commit(ctx, await newTable(ctx, ROW_TRACKING), counted('a', 3));
    const rewrite: TransactionSpec = {
      operation: 'UPDATE',
      actions: [removeAction('a'), ...counted('b', 3).actions],
      reads: { kind: 'table' },
    };
    await expect(commitTransaction(ctx, snapshot, rewrite)).rejects.toMatchObject({
      code: 'FEATURE_UNSUPPORTED',
      message: expect.stringContaining('rowTracking by UPDATE') as string,
    });
    const { version } = await commit(ctx, snapshot, { ...rewrite, actions: [removeAction('a')] });
    const removal = (await actionsOf(ctx, version)).find(({ kind }) => kind === 'remove');
    expect(removal).toMatchObject({ remove: { path: 'a', baseRowId: 0 } });
  });

  test('are given to an append that began before the table had any', async () => {
    const ctx = memoryContext();
    const start = await newTable(ctx);
    await commit(ctx, start, {
      ...setProperties(start, { 'delta.enableRowTracking': 'true' }),
      actions: [
        {
          kind: 'protocol',
          protocol: {
            minReaderVersion: 1,
            minWriterVersion: 7,
            writerFeatures: ['appendOnly', 'invariants', 'domainMetadata', 'rowTracking'],
          },
        },
        ...setProperties(start, { 'delta.enableRowTracking': 'true' }).actions,
      ],
    });
    const { snapshot } = await commit(ctx, start, counted('a', 4));
    expect(snapshot.file('a')).toMatchObject({ baseRowId: 0, defaultRowCommitVersion: 2 });
  });

  test('must be there in every file before they are promised', async () => {
    const ctx = memoryContext();
    const { snapshot } = await commit(
      ctx,
      await newTable(ctx, { properties: { 'delta.feature.rowTracking': 'supported' } }),
      counted('a'),
    );
    expect(snapshot.file('a')?.baseRowId).toBe(0);
    const promise = setProperties(snapshot, { 'delta.enableRowTracking': 'true' });
    expect((await commit(ctx, snapshot, promise)).version).toBe(2);
  });
});

describe('in-commit timestamps', () => {
  test('come first, and are later than the one before whatever the clock says', async () => {
    const ctx = memoryContext();
    const start = await newTable(ctx, TIMESTAMPS);
    ctx.clock.advance(-60_000);
    await commit(ctx, start, appendSpec('a'));
    const { snapshot } = await commit(ctx, start, appendSpec('b'));
    const infos = await Promise.all([0, 1, 2].map((version) => infoOf(ctx, version)));
    const times = infos.map((info) => Number(info['inCommitTimestamp']));
    expect(times.every((time) => time > 0)).toBe(true);
    expect(times).toEqual([...new Set(times)].sort((a, b) => a - b));
    expect(snapshot.timestampMs).toBe(times[2]);
    expect((await openSnapshot(ctx)).timestampMs).toBe(times[2]);
    expect(start.metadata.configuration).not.toHaveProperty(
      'delta.inCommitTimestampEnablementVersion',
    );
  });

  test('that are turned on say since when, by the version that it became', async () => {
    const ctx = memoryContext();
    const start = await newTable(ctx, {
      properties: { 'delta.feature.inCommitTimestamp': 'supported' },
    });
    await commit(ctx, start, appendSpec('a'));
    const enable = setProperties(start, { 'delta.enableInCommitTimestamps': 'true' });
    const { snapshot, version } = await commit(ctx, start, enable);
    const time = (await infoOf(ctx, version))['inCommitTimestamp'];
    expect(version).toBe(2);
    expect(snapshot.metadata.configuration).toMatchObject({
      'delta.inCommitTimestampEnablementVersion': '2',
      'delta.inCommitTimestampEnablementTimestamp': String(time),
    });
  });

  test('are carried by a commit that began before they were turned on', async () => {
    const ctx = memoryContext();
    const start = await newTable(ctx, {
      properties: { 'delta.feature.inCommitTimestamp': 'supported' },
    });
    await commit(ctx, start, setProperties(start, { 'delta.enableInCommitTimestamps': 'true' }));
    const { version, snapshot } = await commit(ctx, start, appendSpec('a'));
    expect((await infoOf(ctx, version))['inCommitTimestamp']).toBe(snapshot.timestampMs);
  });

  test('are known of a version whose checkpoint a listing shows, and not yet its commit', async () => {
    const ctx = memoryContext();
    const start = await newTable(ctx, TIMESTAMPS);
    ctx.clock.advance(60_000);
    const { snapshot } = await commit(ctx, start, appendSpec('a'));
    await writeCheckpoint(ctx, snapshot);
    await ctx.store.delete([checksumPath(1)]);
    ctx.clock.advance(-60_000);
    const list = ctx.store.list.bind(ctx.store);
    ctx.store.list = async function* (prefix, options) {
      for await (const meta of list(prefix, options)) if (meta.path !== commitPath(1)) yield meta;
    };
    const opened = await openSnapshot(ctx);
    expect(opened.version).toBe(1);
    expect(opened.timestampMs).toBe(snapshot.timestampMs);
  });
});

describe('isolation', () => {
  const reading: TransactionSpec = {
    operation: 'MERGE',
    actions: [addAction('mine')],
    reads: { kind: 'rows', predicate: parseExpression('n < 10'), paths: new Set() },
  };

  test('is Serializable unless somebody says otherwise, and written down', async () => {
    const ctx = memoryContext();
    const start = await newTable(ctx);
    await commit(ctx, start, appendSpec('a'));
    expect(await commitTransaction(ctx, start, reading)).toMatchObject({
      code: 'CONFLICT_APPEND',
      error: {
        code: 'CONFLICT_APPEND',
        kind: 'conflict',
        retryable: true,
        details: { version: 1, operation: 'WRITE', subject: 'a' },
        message: expect.stringMatching(/version 1 \(WRITE\) added a, .*n < 10.*narrower/) as string,
      },
    });
    const lax = { ...reading, isolation: 'WriteSerializable' } as const;
    const { version } = await commit(ctx, start, lax);
    expect(await infoOf(ctx, version)).toMatchObject({
      isolationLevel: 'WriteSerializable',
      isBlindAppend: false,
      readVersion: 0,
    });
  });

  test('can be that of a session', async () => {
    const ctx = { ...memoryContext(), isolation: 'WriteSerializable' } as const;
    const start = await newTable(ctx);
    await commit(ctx, start, appendSpec('a'));
    expect((await commit(ctx, start, reading)).version).toBe(2);
  });

  test('is what the table says where nobody chose', async () => {
    const ctx = memoryContext();
    const first = await newTable(ctx);
    const lax = setProperties(first, { 'delta.isolationLevel': 'writeserializable' });
    const { snapshot } = await commit(ctx, first, lax);
    await commit(ctx, snapshot, appendSpec('a'));
    const strict = { ...reading, isolation: 'Serializable' } as const;
    expect((await commitTransaction(ctx, snapshot, strict)).kind).toBe('conflict');
    expect((await commitTransaction(ctx, snapshot, reading)).kind).toBe('committed');
  });
});

describe('errors of conflicts', () => {
  test.each<[string, (start: Snapshot) => TransactionSpec, (start: Snapshot) => TransactionSpec]>([
    [
      'CONFLICT_METADATA',
      (start) => setProperties(start, { 'delta.dataSkippingNumIndexedCols': '3' }),
      () => appendSpec('b'),
    ],
    [
      'CONFLICT_DELETE_READ',
      () => ({ ...appendSpec(), operation: 'DELETE', actions: [removeAction('a')] }),
      () => ({ ...appendSpec('b'), reads: { kind: 'table' } }),
    ],
    [
      'CONFLICT_DELETE_DELETE',
      () => ({ ...appendSpec(), operation: 'DELETE', actions: [removeAction('a')] }),
      () => ({ ...appendSpec(), operation: 'DELETE', actions: [removeAction('a')] }),
    ],
    [
      'CONFLICT_TRANSACTION',
      () => ({ ...appendSpec('b'), txn: { appId: 'app', version: 1 } }),
      () => ({ ...appendSpec('c'), txn: { appId: 'app', version: 2 } }),
    ],
    [
      'CONFLICT_PROGRESS',
      () => ({ ...appendSpec('b'), txn: { appId: 'app', version: 1 } }),
      () => ({ ...appendSpec('c'), steps: [{ appId: 'app', version: 2, expected: 0 }] }),
    ],
  ])('%s', async (code, winner, loser) => {
    const ctx = memoryContext();
    const { snapshot: start } = await commit(ctx, await newTable(ctx), appendSpec('a'));
    await commit(ctx, start, winner(start));
    const outcome = await commitTransaction(ctx, start, loser(start));
    expect(outcome).toMatchObject({
      kind: 'conflict',
      code,
      error: {
        name: 'DeltaError',
        code,
        kind: 'conflict',
        message: expect.stringContaining('nothing was committed') as string,
      },
    });
    expect((await openSnapshot(ctx)).version).toBe(2);
  });

  test('CONFLICT_DOMAIN, and none for other domains', async () => {
    const ctx = memoryContext();
    const start = await newTable(ctx, {
      properties: { 'delta.feature.domainMetadata': 'supported' },
    });
    const domain = (name: string): TransactionSpec => ({
      ...appendSpec(),
      actions: [
        {
          kind: 'domainMetadata',
          domainMetadata: { domain: name, configuration: '{}', removed: false },
        },
      ],
    });
    await commit(ctx, start, domain('mine'));
    expect((await commit(ctx, start, domain('yours'))).version).toBe(2);
    expect(await commitTransaction(ctx, start, domain('mine'))).toMatchObject({
      error: { code: 'CONFLICT_DOMAIN', details: { subject: 'mine', version: 1 } },
    });
  });

  test('COMMIT_OUTCOME_UNKNOWN names the version and what to look for', async () => {
    const ctx = memoryContext();
    const snapshot = await newTable(ctx);
    const plan = (call: FaultyCall): Fault => {
      if (call.path !== commitPath(1)) return { kind: 'none' };
      return { kind: call.verb === 'put' ? 'lose-request' : 'fail' };
    };
    const store = faultyStore(ctx.store, { clock: ctx.clock, plan });
    await expect(
      commitTransaction({ ...ctx, store }, snapshot, appendSpec('a')),
    ).rejects.toMatchObject({
      code: 'COMMIT_OUTCOME_UNKNOWN',
      details: { version: 1, txnId: expect.stringMatching(/^[0-9a-f-]{36}$/) as string },
      message: expect.stringContaining('txnId') as string,
    });
  });
});
