import { describe, expect, test } from 'vitest';

import { commitPath, parseCommit } from '../../src/log/index.ts';
import { type Fault, type FaultyCall, faultyStore } from '../../src/store/index.ts';
import { commitTransaction } from '../../src/table/commit.ts';
import { GroupCommit } from '../../src/table/group-commit.ts';
import { openSnapshot } from '../../src/table/open.ts';
import type { CommitOutcome, TableContext, TransactionSpec } from '../../src/table/types.ts';
import {
  addAction,
  appendSpec,
  commit,
  memoryContext,
  newTable,
  pathsOf,
  readText,
  writeText,
} from './context.ts';

const names = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => `f${index}`);

const withTxn = (path: string, appId: string, version: number): TransactionSpec => ({
  ...appendSpec(path),
  txn: { appId, version },
});

const versionOf = (outcome: CommitOutcome): number | string =>
  outcome.kind === 'conflict' ? outcome.code : outcome.version;

describe('GroupCommit', () => {
  test('commits what waits as one, and tells each its version', async () => {
    const ctx = memoryContext();
    const snapshot = await newTable(ctx);
    const group = new GroupCommit(ctx);
    const outcomes = await Promise.all(
      names(100).map((name) => group.commit(snapshot, appendSpec(name))),
    );
    const opened = await openSnapshot(ctx);
    expect(opened.version).toBe(1);
    expect(new Set(outcomes.map(versionOf))).toEqual(new Set([1]));
    expect(pathsOf(opened)).toEqual([...names(100)].sort());
  });

  test('is not held up by members of the metadata that nobody knows', async () => {
    const ctx = memoryContext();
    await newTable(ctx);
    const path = commitPath(0);
    const text = await readText(ctx.store, path);
    await writeText(ctx.store, path, text.replace('"metaData":{', '$&"owner":9007199254740993,'));
    const group = new GroupCommit(ctx);
    const [one, other] = [await openSnapshot(ctx), await openSnapshot(ctx)];
    const outcomes = await Promise.all([
      group.commit(one, appendSpec('a')),
      group.commit(other, appendSpec('b')),
    ]);
    expect(outcomes.map(versionOf)).toEqual([1, 1]);
  });

  test('adds up what the operations counted', async () => {
    const ctx = memoryContext();
    const snapshot = await newTable(ctx);
    const group = new GroupCommit(ctx);
    const spec = (path: string, rows: string): TransactionSpec => ({
      ...appendSpec(path),
      operationMetrics: { numOutputRows: rows, note: path },
    });
    await Promise.all([
      group.commit(snapshot, spec('a', '1')),
      group.commit(snapshot, spec('b', '9007199254740993')),
    ]);
    const { bytes } = await ctx.store.get(commitPath(1));
    expect(parseCommit(bytes, '1')[0]).toMatchObject({
      commitInfo: {
        operationMetrics: { numOutputRows: '9007199254740994' },
        isBlindAppend: true,
      },
    });
  });

  test('takes no more into one commit than it may', async () => {
    const ctx = memoryContext();
    const snapshot = await newTable(ctx);
    const group = new GroupCommit(ctx, { actionsMax: 2 });
    const large = appendSpec('l1', 'l2', 'l3');
    const specs = [...names(3).map((name) => appendSpec(name)), large, appendSpec('z')];
    const outcomes = await Promise.all(specs.map((spec) => group.commit(snapshot, spec)));
    expect(outcomes.map(versionOf)).toEqual([1, 1, 2, 3, 2]);
  });

  test('refuses what comes when too many wait', async () => {
    const ctx = memoryContext();
    const snapshot = await newTable(ctx);
    const group = new GroupCommit(ctx, { waitingMax: 1 });
    const [first, second] = await Promise.allSettled([
      group.commit(snapshot, appendSpec('a')),
      group.commit(snapshot, appendSpec('b')),
    ]);
    expect(first.status).toBe('fulfilled');
    expect(second).toMatchObject({ reason: { code: 'GROUP_COMMIT_FULL', retryable: true } });
    await group.idle();
    expect(pathsOf(await openSnapshot(ctx))).toEqual(['a']);
  });

  test('keeps the transactions of applications, two of one in two commits and in order', async () => {
    const ctx = memoryContext();
    const snapshot = await newTable(ctx);
    const group = new GroupCommit(ctx);
    const outcomes = await Promise.all([
      group.commit(snapshot, withTxn('a1', 'a', 1)),
      group.commit(snapshot, withTxn('b1', 'b', 5)),
      group.commit(snapshot, appendSpec('n')),
    ]);
    expect(outcomes.map(versionOf)).toEqual([1, 1, 1]);
    const latest = await openSnapshot(ctx);
    expect([latest.txnVersion('a'), latest.txnVersion('b')]).toEqual([1, 5]);
    const later = await Promise.all([
      group.commit(latest, withTxn('a2', 'a', 2)),
      group.commit(latest, withTxn('a3', 'a', 2)),
      group.commit(latest, appendSpec('m')),
    ]);
    expect(later.map(({ kind }) => kind)).toEqual(['committed', 'applied', 'committed']);
    expect((await openSnapshot(ctx)).file('a3')).toBeNull();
  });

  test('leaves out what the table has already', async () => {
    const ctx = memoryContext();
    const stale = await newTable(ctx);
    const { snapshot } = await commit(ctx, stale, withTxn('a', 'app', 3));
    const group = new GroupCommit(ctx);
    const outcomes = await Promise.all([
      group.commit(stale, withTxn('again', 'app', 3)),
      group.commit(snapshot, appendSpec('b')),
      group.commit(snapshot, appendSpec('c')),
    ]);
    expect(outcomes.map(({ kind }) => kind)).toEqual(['applied', 'committed', 'committed']);
    expect(pathsOf(await openSnapshot(ctx))).toEqual(['a', 'b', 'c']);
  });

  test('tells a conflict to the one whom it concerns', async () => {
    const ctx = memoryContext();
    const stale = await newTable(ctx);
    const { metadata } = stale;
    const changed = {
      ...metadata,
      configuration: { 'delta.dataSkippingNumIndexedCols': '3' },
    };
    const { snapshot } = await commit(ctx, stale, {
      operation: 'SET TBLPROPERTIES',
      actions: [{ kind: 'metaData', metaData: changed }],
      reads: { kind: 'nothing' },
    });
    const group = new GroupCommit(ctx);
    const outcomes = await Promise.all([
      group.commit(stale, appendSpec('old')),
      group.commit(snapshot, appendSpec('a')),
      group.commit(snapshot, appendSpec('b')),
    ]);
    expect(outcomes.map(versionOf)).toEqual(['CONFLICT_METADATA', 2, 2]);
    expect(pathsOf(await openSnapshot(ctx))).toEqual(['a', 'b']);
  });

  test('tries each alone where another process moved one application’s progress', async () => {
    const ctx = memoryContext();
    const snapshot = await newTable(ctx);
    await commit(ctx, snapshot, withTxn('theirs', 'app', 7));
    const group = new GroupCommit(ctx);
    const outcomes = await Promise.all([
      group.commit(snapshot, withTxn('mine', 'app', 7)),
      group.commit(snapshot, withTxn('other', 'b', 1)),
      group.commit(snapshot, appendSpec('a')),
    ]);
    expect(outcomes.map(({ kind }) => kind)).toEqual(['applied', 'committed', 'committed']);
    expect(pathsOf(await openSnapshot(ctx))).toEqual(['a', 'other', 'theirs']);
  });

  test('gives each its own error', async () => {
    const ctx = memoryContext();
    const snapshot = await newTable(ctx, { properties: { 'delta.enableRowTracking': 'true' } });
    const group = new GroupCommit(ctx);
    const counted = (path: string): TransactionSpec => ({
      ...appendSpec(),
      actions: [addAction(path, { stats: '{"numRecords":2}' })],
    });
    const [good, bad, better] = await Promise.allSettled([
      group.commit(snapshot, counted('good')),
      group.commit(snapshot, appendSpec('uncounted')),
      group.commit(snapshot, counted('better')),
    ]);
    expect([good.status, better.status]).toEqual(['fulfilled', 'fulfilled']);
    expect(bad).toMatchObject({ reason: { code: 'ROW_IDS_NEED_STATISTICS' } });
    expect(pathsOf(await openSnapshot(ctx))).toEqual(['better', 'good']);
  });

  test('commits what reads or removes by itself', async () => {
    const ctx = memoryContext();
    const snapshot = await newTable(ctx);
    const group = new GroupCommit(ctx);
    const reading: TransactionSpec = { ...appendSpec('r'), reads: { kind: 'table' } };
    const outcomes = await Promise.all([
      group.commit(snapshot, appendSpec('a')),
      group.commit(snapshot, reading),
    ]);
    expect(outcomes.filter(({ kind }) => kind === 'committed').length).toBeGreaterThan(0);
    expect(new Set(outcomes.map(versionOf)).size).toBe(2);
  });

  test('drops one whose signal is aborted while it waits', async () => {
    const ctx = memoryContext();
    const snapshot = await newTable(ctx);
    const group = new GroupCommit(ctx);
    const controller = new AbortController();
    const work = Promise.allSettled([
      group.commit(snapshot, appendSpec('a')),
      group.commit(snapshot, { ...appendSpec('b'), signal: controller.signal }),
    ]);
    controller.abort(new Error('enough'));
    const [first, second] = await work;
    expect(first.status).toBe('fulfilled');
    expect(second).toMatchObject({ reason: { message: 'enough' } });
    expect(pathsOf(await openSnapshot(ctx))).toEqual(['a']);
  });

  test('says to all that an outcome is open, and tries none of them again', async () => {
    const ctx = memoryContext();
    const snapshot = await newTable(ctx);
    const plan = (call: FaultyCall): Fault => {
      if (call.path !== commitPath(1)) return { kind: 'none' };
      return { kind: call.verb === 'put' ? 'lose-answer' : 'fail' };
    };
    const faulty: TableContext = {
      ...ctx,
      store: faultyStore(ctx.store, { clock: ctx.clock, plan }),
    };
    const group = new GroupCommit(faulty);
    const outcomes = await Promise.allSettled([
      group.commit(snapshot, appendSpec('a')),
      group.commit(snapshot, appendSpec('b')),
    ]);
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({ reason: { code: 'COMMIT_OUTCOME_UNKNOWN' } });
    }
    expect(pathsOf(await openSnapshot(ctx))).toEqual(['a', 'b']);
  });

  test('goes on among other writers', async () => {
    const ctx = memoryContext();
    const snapshot = await newTable(ctx);
    const groups = [new GroupCommit(ctx), new GroupCommit(ctx)];
    const work = groups.flatMap((group, index) =>
      names(20).map((name) => group.commit(snapshot, appendSpec(`${index}-${name}`))),
    );
    const outcomes = await Promise.all([
      ...work,
      ...names(5).map((name) => commitTransaction(ctx, snapshot, appendSpec(`single-${name}`))),
    ]);
    expect(outcomes.every(({ kind }) => kind === 'committed')).toBe(true);
    const opened = await openSnapshot(ctx);
    expect(opened.fileCount).toBe(45);
    expect(opened.version).toBeLessThan(20);
  });
});
