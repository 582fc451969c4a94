import { describe, expect, test } from 'vitest';

import { commitPath, parseCommitInfo } from '../../src/log/index.ts';
import { parseExpression } from '../../src/schema/index.ts';
import {
  type Fault,
  type FaultyCall,
  faultyStore,
  type ObjectStore,
} from '../../src/store/index.ts';
import { denied } from '../../src/store/errors.ts';
import { writeCheckpoint } from '../../src/table/checkpoint.ts';
import { commitTransaction } from '../../src/table/commit.ts';
import { openSnapshot, refreshSnapshot } from '../../src/table/open.ts';
import type {
  RebaseDecision,
  Snapshot,
  TableContext,
  TransactionSpec,
  Winners,
} from '../../src/table/types.ts';
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

/** The context with faults on the calls that `plan` picks. */
function withFaults(ctx: TableContext, plan: (call: FaultyCall) => Fault['kind']): TableContext {
  const kindOf = (call: FaultyCall): Fault => {
    const kind = plan(call);
    return kind === 'delay' ? { kind, delayMs: 1 } : { kind };
  };
  return { ...ctx, store: faultyStore(ctx.store, { clock: ctx.clock, plan: kindOf }) };
}

async function deleteAll({ store }: TableContext): Promise<void> {
  for await (const { path } of store.list('', { recursive: true })) await store.delete([path]);
}

const isCommitPut = (call: FaultyCall, version: number): boolean =>
  call.verb === 'put' && call.path === commitPath(version);

describe('commitTransaction', () => {
  test('writes commitInfo first, with who, what and a unique id', async () => {
    const ctx = memoryContext();
    const snapshot = await newTable(ctx);
    const { version } = await commit(ctx, snapshot, {
      ...appendSpec('a'),
      operationParameters: { mode: 'Append' },
      commitInfo: { batchDigest: 'x' },
      txn: { appId: 'app', version: 4 },
    });
    const text = await readText(ctx.store, commitPath(version));
    const info = parseCommitInfo(new TextEncoder().encode(text), '1');
    expect(text.startsWith('{"commitInfo":')).toBe(true);
    expect(info).toMatchObject({
      operation: 'WRITE',
      operationParameters: { mode: 'Append' },
      readVersion: 0,
      isBlindAppend: true,
      batchDigest: 'x',
      txnId: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
      engineInfo: expect.stringMatching(/^deltawright\//) as string,
    });
    expect((await openSnapshot(ctx)).txnVersion('app')).toBe(4);
  });

  test('gives the snapshot that opening would give', async () => {
    const ctx = memoryContext();
    let snapshot = await newTable(ctx);
    ({ snapshot } = await commit(ctx, snapshot, appendSpec('a', 'b')));
    ({ snapshot } = await commit(ctx, snapshot, {
      operation: 'DELETE',
      actions: [removeAction('a')],
      reads: { kind: 'table' },
    }));
    const opened = await openSnapshot(ctx);
    expect([snapshot.version, pathsOf(snapshot), snapshot.sizeBytes, snapshot.fileCount]).toEqual([
      opened.version,
      pathsOf(opened),
      opened.sizeBytes,
      opened.fileCount,
    ]);
    expect(snapshot.file('b')?.size).toBe(10);
    expect(snapshot.file('a')).toBeNull();
  });

  test('goes to the version after all winners where they do not conflict', async () => {
    const ctx = memoryContext();
    const stale = await newTable(ctx);
    let other = stale;
    for (const path of ['a', 'b', 'c']) {
      other = (await commit(ctx, other, appendSpec(path))).snapshot;
    }
    const { version, snapshot } = await commit(ctx, stale, appendSpec('mine'));
    expect(version).toBe(4);
    expect(pathsOf(snapshot)).toEqual(['a', 'b', 'c', 'mine']);
  });

  test('reports a conflict and writes nothing where a winner touched what was read', async () => {
    const ctx = memoryContext();
    const { snapshot: stale } = await commit(ctx, await newTable(ctx), appendSpec('a'));
    const spec: TransactionSpec = {
      operation: 'DELETE',
      actions: [removeAction('a')],
      reads: { kind: 'table' },
    };
    await commit(ctx, stale, spec);
    const outcome = await commitTransaction(ctx, stale, spec);
    expect(outcome).toMatchObject({ kind: 'conflict', code: 'CONFLICT_DELETE_READ' });
    expect((await openSnapshot(ctx)).version).toBe(2);
  });

  test('holds winners’ files against the predicate by which rows were read', async () => {
    const ctx = memoryContext();
    const stale = await newTable(ctx);
    const statsOf = (min: number, max: number): string =>
      JSON.stringify({
        numRecords: 2,
        minValues: { n: min },
        maxValues: { n: max },
        nullCount: { n: 0 },
      });
    const added = (path: string, stats: string): TransactionSpec => ({
      ...appendSpec(),
      actions: [addAction(path, { stats })],
    });
    const spec: TransactionSpec = {
      ...appendSpec('mine'),
      reads: { kind: 'rows', predicate: parseExpression('n < 10'), paths: new Set() },
    };
    const { snapshot } = await commit(ctx, stale, added('high', statsOf(10, 20)));
    await commit(ctx, stale, spec);
    await commit(ctx, snapshot, added('low', statsOf(9, 20)));
    expect(await commitTransaction(ctx, stale, spec)).toMatchObject({ code: 'CONFLICT_APPEND' });
  });

  test('asks the rebase hook with everything since the snapshot, and commits what it says', async () => {
    const ctx = memoryContext();
    const stale = await newTable(ctx);
    const other = (await commit(ctx, stale, appendSpec('a'))).snapshot;
    await commit(ctx, other, appendSpec('b'));
    const seen: Winners[] = [];
    const { snapshot } = await commit(ctx, stale, {
      ...appendSpec('first thought'),
      rebase: async (winners): Promise<RebaseDecision> => {
        seen.push(winners);
        return { kind: 'replace', actions: [addAction('second thought')] };
      },
    });
    expect(seen.map(({ versions, latest }) => [versions, latest.version])).toEqual([[[1, 2], 2]]);
    expect(seen[0]?.added.map((file) => file.path)).toEqual(['a', 'b']);
    expect(pathsOf(snapshot)).toEqual(['a', 'b', 'second thought']);
  });

  test('hands a rebase hook’s conflict on', async () => {
    const ctx = memoryContext();
    const stale = await newTable(ctx);
    await commit(ctx, stale, appendSpec('a'));
    const outcome = await commitTransaction(ctx, stale, {
      ...appendSpec('b'),
      rebase: async () => ({ kind: 'conflict', reason: 'compute again' }),
    });
    expect(outcome).toMatchObject({
      kind: 'conflict',
      code: 'CONFLICT_REBASE',
      reason: 'compute again',
      error: { code: 'CONFLICT_REBASE', kind: 'conflict', retryable: true },
    });
  });

  test('applies a transaction once, also when its twin wins the race', async () => {
    const ctx = memoryContext();
    const stale = await newTable(ctx);
    const spec: TransactionSpec = { ...appendSpec('a'), txn: { appId: 'app', version: 2 } };
    const { snapshot } = await commit(ctx, stale, spec);
    for (const base of [stale, snapshot]) {
      expect(await commitTransaction(ctx, base, spec)).toMatchObject({
        kind: 'applied',
        version: 1,
      });
    }
    const older = { ...appendSpec('b'), txn: { appId: 'app', version: 1 } };
    expect(await commitTransaction(ctx, stale, older)).toMatchObject({ kind: 'applied' });
    const newer = { ...appendSpec('c'), txn: { appId: 'app', version: 3 } };
    expect(await commitTransaction(ctx, stale, newer)).toMatchObject({
      code: 'CONFLICT_TRANSACTION',
    });
  });

  test('refuses to change rows of an append-only table', async () => {
    const ctx = memoryContext();
    const table = await newTable(ctx, { properties: { 'delta.appendOnly': 'true' } });
    const { snapshot } = await commit(ctx, table, appendSpec('a'));
    const spec = { ...appendSpec(), actions: [removeAction('a')] };
    await expect(commitTransaction(ctx, snapshot, spec)).rejects.toMatchObject({
      code: 'APPEND_ONLY',
    });
  });

  test('refuses a commit that would turn on what is not supported', async () => {
    const ctx = memoryContext();
    const snapshot = await newTable(ctx);
    const spec: TransactionSpec = {
      ...appendSpec(),
      actions: [{ kind: 'protocol', protocol: { minReaderVersion: 1, minWriterVersion: 8 } }],
    };
    await expect(commitTransaction(ctx, snapshot, spec)).rejects.toMatchObject({
      code: 'FEATURE_UNSUPPORTED',
    });
  });

  test('an aborted signal stops it before anything is written', async () => {
    const ctx = memoryContext();
    const snapshot = await newTable(ctx);
    const signal = AbortSignal.abort(new Error('enough'));
    const work = commitTransaction(ctx, snapshot, { ...appendSpec('a'), signal });
    await expect(work).rejects.toThrow('enough');
    expect((await openSnapshot(ctx)).version).toBe(0);
  });
});

/** A store whose client repeats each write by itself, and so meets what its own first try wrote. */
function repeating(store: ObjectStore): ObjectStore {
  return overriding(store, 'put', async (...args) => {
    await store.put(...args);
    return store.put(...args);
  });
}

/** The same store but for one verb. */
function overriding<V extends keyof ObjectStore>(
  store: ObjectStore,
  verb: V,
  instead: ObjectStore[V],
): ObjectStore {
  return new Proxy(store, {
    get: (target, name) => {
      if (name === verb) return instead;
      const member: unknown = Reflect.get(target, name);
      return typeof member === 'function' ? (member.bind(target) as unknown) : member;
    },
  });
}

describe('a lost answer', () => {
  test('whose write happened is found in the log', async () => {
    const ctx = memoryContext();
    const snapshot = await newTable(ctx);
    const faulty = withFaults(ctx, (call) => (isCommitPut(call, 1) ? 'lose-answer' : 'none'));
    expect(await commit(faulty, snapshot, appendSpec('a'))).toMatchObject({ version: 1 });
    expect(pathsOf(await openSnapshot(ctx))).toEqual(['a']);
  });

  test('whose write did not happen is written again', async () => {
    const ctx = memoryContext();
    const snapshot = await newTable(ctx);
    let lost = 0;
    const faulty = withFaults(ctx, (call) =>
      isCommitPut(call, 1) && (lost += 1) < 3 ? 'lose-request' : 'none',
    );
    expect(await commit(faulty, snapshot, appendSpec('a'))).toMatchObject({ version: 1 });
    expect(lost).toBe(3);
    expect(pathsOf(await openSnapshot(ctx))).toEqual(['a']);
  });

  test('at a version that another writer has is a lost race', async () => {
    const ctx = memoryContext();
    const stale = await newTable(ctx);
    await commit(ctx, stale, appendSpec('other'));
    const faulty = withFaults(ctx, (call) => (isCommitPut(call, 1) ? 'lose-answer' : 'none'));
    expect(await commit(faulty, stale, appendSpec('mine'))).toMatchObject({ version: 2 });
  });

  test('of the first try inside the store is not taken for another writer', async () => {
    const ctx = memoryContext();
    const snapshot = await newTable(ctx);
    const { version } = await commit(
      { ...ctx, store: repeating(ctx.store) },
      snapshot,
      appendSpec('a'),
    );
    expect(version).toBe(1);
    expect(pathsOf(await openSnapshot(ctx))).toEqual(['a']);
  });

  test('of the first try inside the store stays open where the log cannot be read', async () => {
    const ctx = memoryContext();
    const snapshot = await newTable(ctx);
    const twice = { ...ctx, store: repeating(ctx.store) };
    const faulty = withFaults(twice, ({ verb }) => (verb === 'list' ? 'fail' : 'none'));
    await expect(commitTransaction(faulty, snapshot, appendSpec('a'))).rejects.toMatchObject({
      code: 'COMMIT_OUTCOME_UNKNOWN',
    });
    expect(pathsOf(await openSnapshot(ctx))).toEqual(['a']);
  });

  test('of the first try inside the store is found where the log cannot be followed further', async () => {
    const ctx = memoryContext();
    const snapshot = await newTable(ctx);
    const twice = { ...ctx, store: repeating(ctx.store) };
    const torn: ObjectStore['list'] = async function* list(...args) {
      await ctx.store.put(commitPath(2), new TextEncoder().encode('{"add"'), { kind: 'create' });
      yield* ctx.store.list(...args);
    };
    const store = overriding(twice.store, 'list', torn);
    const done = await commit({ ...ctx, store }, snapshot, appendSpec('a'));
    expect([done.version, pathsOf(done.snapshot)]).toEqual([1, ['a']]);
  });

  test('of one who is not let in any more is said to be unknown', async () => {
    const ctx = memoryContext();
    const snapshot = await newTable(ctx);
    const lost = withFaults(ctx, (call) => (isCommitPut(call, 1) ? 'lose-answer' : 'none'));
    const shut: ObjectStore['get'] = async (path) => {
      throw denied({ verb: 'get', uri: ctx.store.uri, path }, null);
    };
    const store = overriding(lost.store, 'get', shut);
    const work = commitTransaction({ ...ctx, store }, snapshot, appendSpec('a'));
    await expect(work).rejects.toMatchObject({ code: 'COMMIT_OUTCOME_UNKNOWN' });
    expect(pathsOf(await openSnapshot(ctx))).toEqual(['a']);
  });

  test('that stays open is said to be unknown', async () => {
    const ctx = memoryContext();
    const snapshot = await newTable(ctx);
    const faulty = withFaults(ctx, (call) => {
      if (call.path !== commitPath(1)) return 'none';
      return call.verb === 'put' ? 'lose-answer' : 'fail';
    });
    await expect(commitTransaction(faulty, snapshot, appendSpec('a'))).rejects.toMatchObject({
      code: 'COMMIT_OUTCOME_UNKNOWN',
      kind: 'unavailable',
    });
  });
});

describe('what follows a commit', () => {
  test('hands the failure of a checkpoint on with the outcome', async () => {
    const ctx = memoryContext();
    const snapshot = await newTable(ctx, { properties: { 'delta.checkpointInterval': '1' } });
    const faulty = withFaults(ctx, (call) =>
      call.path.endsWith('.checkpoint.parquet') ? 'fail' : 'none',
    );
    const { postCommitErrors } = await commit(faulty, snapshot, appendSpec('a'));
    expect(postCommitErrors).toMatchObject([{ code: 'STORE_UNAVAILABLE' }]);
    expect(pathsOf(await openSnapshot(ctx))).toEqual(['a']);
  });

  test('does without the hint and the checksum file', async () => {
    const ctx = memoryContext();
    const snapshot = await newTable(ctx, { properties: { 'delta.checkpointInterval': '1' } });
    const faulty = withFaults(ctx, (call) =>
      /_last_checkpoint|\.crc$/.test(call.path) ? 'fail' : 'none',
    );
    expect((await commit(faulty, snapshot, appendSpec('a'))).postCommitErrors).toEqual([]);
  });
});

test('eight writers at once all get through, on one disk', async () => {
  await onDisk(async (ctx) => {
    await newTable(ctx);
    const writer = async (name: number): Promise<void> => {
      let snapshot: Snapshot = await openSnapshot(ctx);
      for (let count = 0; count < 10; count += 1) {
        ({ snapshot } = await commit(ctx, snapshot, appendSpec(`${name}-${count}`)));
      }
    };
    await Promise.all(Array.from({ length: 8 }, (_, name) => writer(name)));
    const snapshot = await openSnapshot(ctx);
    expect(snapshot.version).toBe(80);
    expect(new Set(pathsOf(snapshot)).size).toBe(80);
  });
});

test('a table that was deleted and made anew is a conflict, and a refresh sees the new one', async () => {
  const ctx = memoryContext();
  const { snapshot } = await commit(ctx, await newTable(ctx), appendSpec('a'));
  await deleteAll(ctx);
  await newTable(ctx);
  expect((await refreshSnapshot(ctx, snapshot)).version).toBe(0);
});

describe('a table that was deleted, and made anew up to the same version', () => {
  async function madeAnew(): Promise<{ ctx: TableContext; held: Snapshot; latest: Snapshot }> {
    const ctx = memoryContext();
    const { snapshot: held } = await commit(ctx, await newTable(ctx), appendSpec('old'));
    await deleteAll(ctx);
    const { snapshot: latest } = await commit(ctx, await newTable(ctx), appendSpec('new'));
    ctx.clock.advance(10);
    return { ctx, held, latest };
  }

  test('is what a refresh sees, without the files of the one before', async () => {
    const { ctx, held, latest } = await madeAnew();
    expect(pathsOf(await refreshSnapshot(ctx, held))).toEqual(['new']);
    await commit(ctx, latest, appendSpec('newer'));
    expect(pathsOf(await refreshSnapshot(ctx, held))).toEqual(['new', 'newer']);
  });

  test('takes neither commits nor checkpoints of the one before', async () => {
    const { ctx, held } = await madeAnew();
    const code = 'CONFLICT_REPLACED';
    const outcome = await commitTransaction(ctx, held, appendSpec('late'));
    expect(outcome).toMatchObject({ kind: 'conflict', code });
    await expect(writeCheckpoint(ctx, held)).rejects.toMatchObject({ code });
    expect(pathsOf(await openSnapshot(ctx))).toEqual(['new']);
  });

  test('is the same where its files were copied and put back', async () => {
    const { ctx, latest } = await madeAnew();
    const path = commitPath(latest.version);
    const { bytes } = await ctx.store.get(path);
    await ctx.store.delete([path]);
    await ctx.store.put(path, bytes, { kind: 'create' });
    expect(await refreshSnapshot(ctx, latest)).toBe(latest);
    await commit(ctx, latest, appendSpec('newer'));
  });

  test('is not there as long as it is only deleted, and nothing is committed', async () => {
    const { ctx, latest } = await madeAnew();
    await deleteAll(ctx);
    const late = commitTransaction(ctx, latest, appendSpec('late'));
    await expect(late).rejects.toMatchObject({ code: 'TABLE_NOT_FOUND' });
    expect(await ctx.store.head(commitPath(2))).toBeNull();
  });
});

describe('on a snapshot that was held for long', () => {
  const HOURS_2_MS = 7_200_000;

  /** Version 0 as it was held, and version 3 with a checkpoint, before which nothing is left. */
  async function cleanedUp(): Promise<{ ctx: TableContext; held: Snapshot; latest: Snapshot }> {
    const ctx = memoryContext();
    const held = await newTable(ctx);
    let latest = held;
    for (const path of ['a', 'b', 'c']) {
      const spec = { ...appendSpec(), actions: [addAction(path)] };
      ({ snapshot: latest } = await commit(ctx, latest, spec));
    }
    await writeCheckpoint(ctx, latest);
    await ctx.store.delete([0, 1, 2].map(commitPath));
    ctx.clock.advance(HOURS_2_MS);
    return { ctx, held, latest };
  }

  test('nothing is committed where a cleanup took the versions after it', async () => {
    const { ctx, held } = await cleanedUp();
    const spec = { ...appendSpec(), actions: [addAction('late')] };
    const outcome = await commitTransaction(ctx, held, spec);
    expect(outcome).toMatchObject({ kind: 'conflict', code: 'CONFLICT_REPLACED' });
    expect(pathsOf(await openSnapshot(ctx))).toEqual(['a', 'b', 'c']);
    expect(await ctx.store.head(commitPath(1))).toBeNull();
  });

  test.each([[true], [false]])(
    'the next version goes in, its own commit being there: %s',
    async (isThere) => {
      const { ctx, latest } = await cleanedUp();
      if (!isThere) await ctx.store.delete([commitPath(3)]);
      const outcome = await commit(ctx, latest, { ...appendSpec(), actions: [addAction('d')] });
      expect(outcome).toMatchObject({ kind: 'committed', version: 4 });
      expect(pathsOf(await openSnapshot(ctx))).toEqual(['a', 'b', 'c', 'd']);
    },
  );
});

test('goes in on a snapshot whose checkpoint was listed, and its commit was not', async () => {
  const ctx = memoryContext();
  const { snapshot } = await commit(ctx, await newTable(ctx), appendSpec('a'));
  await writeCheckpoint(ctx, snapshot);
  const own = commitPath(snapshot.version);
  const listed = new Proxy(ctx.store, {
    get: (target, name) => {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== 'function') return member;
      if (name !== 'list') return member.bind(target) as unknown;
      return async function* list(...args: Parameters<ObjectStore['list']>) {
        for await (const meta of target.list(...args)) if (meta.path !== own) yield meta;
      };
    },
  });
  const opened = await openSnapshot({ ...ctx, store: listed });
  expect(opened.version).toBe(snapshot.version);
  await commit(ctx, opened, appendSpec('b'));
  expect(pathsOf(await openSnapshot(ctx))).toEqual(['a', 'b']);
});

describe('progress that is moved on', () => {
  const step = (expected: number | null, version: number, appId = 'job/t-0'): TransactionSpec => ({
    ...appendSpec(`${appId}-${version}`.replaceAll('/', '_')),
    steps: [{ appId, version, expected }],
  });

  test('goes in where it begins where the table stands, also backwards', async () => {
    const ctx = memoryContext();
    let { snapshot } = await commit(ctx, await newTable(ctx), step(null, 10));
    ({ snapshot } = await commit(ctx, snapshot, step(10, 25)));
    expect(snapshot.txnVersion('job/t-0')).toBe(25);
    ({ snapshot } = await commit(ctx, snapshot, step(25, 3)));
    expect((await openSnapshot(ctx)).txnVersion('job/t-0')).toBe(3);
  });

  test.each([null, 5, 11])('is refused on the snapshot where it begins at %s', async (expected) => {
    const ctx = memoryContext();
    const { snapshot } = await commit(ctx, await newTable(ctx), step(null, 10));
    expect(await commitTransaction(ctx, snapshot, step(expected, 20))).toMatchObject({
      kind: 'conflict',
      code: 'CONFLICT_PROGRESS',
      reason: expect.stringContaining('job/t-0') as string,
    });
    expect((await openSnapshot(ctx)).version).toBe(snapshot.version);
  });

  test('is refused after a winner moved it, and all of the commit with it', async () => {
    const ctx = memoryContext();
    const start = await newTable(ctx);
    await commit(ctx, start, step(null, 10));
    const steps = [
      { appId: 'job/t-1', version: 7, expected: null },
      { appId: 'job/t-0', version: 12, expected: null },
    ];
    const outcome = await commitTransaction(ctx, start, { ...appendSpec('zombie'), steps });
    expect(outcome).toMatchObject({ kind: 'conflict', code: 'CONFLICT_PROGRESS' });
    const opened = await openSnapshot(ctx);
    expect([opened.txnVersion('job/t-0'), opened.txnVersion('job/t-1')]).toEqual([10, null]);
    expect(opened.file('zombie')).toBeNull();
  });

  test('of other partitions may move meanwhile', async () => {
    const ctx = memoryContext();
    const start = await newTable(ctx);
    await commit(ctx, start, step(null, 10, 'job/t-1'));
    const { snapshot } = await commit(ctx, start, step(null, 4));
    expect([snapshot.txnVersion('job/t-0'), snapshot.txnVersion('job/t-1')]).toEqual([4, 10]);
  });

  test('whose answer was lost is found to be in', async () => {
    const ctx = memoryContext();
    const start = await newTable(ctx);
    let lost = 0;
    const faulty = withFaults(ctx, (call) =>
      isCommitPut(call, 1) && (lost += 1) === 1 ? 'lose-answer' : 'none',
    );
    const { version, snapshot } = await commit(faulty, start, step(null, 10));
    expect([version, snapshot.txnVersion('job/t-0')]).toEqual([1, 10]);
  });
});
