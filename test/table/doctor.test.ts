import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { ManualClock, seededRandom } from '../../src/base/index.ts';
import {
  checkpointPath,
  checksumPath,
  commitPath,
  compactedPath,
  LAST_CHECKPOINT_PATH,
} from '../../src/log/index.ts';
import { badUri } from '../../src/store/errors.ts';
import { coordinatedStore, memoryStore, type ObjectStore } from '../../src/store/index.ts';
import { writeCheckpoint } from '../../src/table/checkpoint.ts';
import type { Examination, WriterSeen } from '../../src/table/doctor-types.ts';
import { mixedWriters, strangerOf } from '../../src/table/doctor-writers.ts';
import { examine } from '../../src/table/doctor.ts';
import { openSnapshot } from '../../src/table/open.ts';
import type { TableContext } from '../../src/table/types.ts';
import { MemoryLogTable } from '../store/log-table.ts';
import {
  addAction,
  commit,
  contextOf,
  memoryContext,
  newTable,
  pathsOf,
  readText,
  removeAction,
  writeText,
} from './context.ts';

const HOUR_MS = 3_600_000;

function codes({ findings }: Examination): readonly string[] {
  return findings.map(({ code }) => code);
}

/** A table of one file in each of `versions` versions after the first, all there, without a checkpoint. */
async function soundTable(ctx: TableContext, versions = 3): Promise<void> {
  let snapshot = await newTable(ctx);
  for (let n = 1; n <= versions; n += 1) {
    await writeText(ctx.store, `part ${n}.parquet`, '0123456789');
    const done = await commit(ctx, snapshot, {
      operation: 'WRITE',
      actions: [addAction(`part%20${n}.parquet`)],
      reads: { kind: 'nothing' },
    });
    snapshot = done.snapshot;
  }
}

async function withCheckpoint(ctx: TableContext): Promise<void> {
  await soundTable(ctx);
  await writeCheckpoint(ctx, await openSnapshot(ctx));
}

describe('a sound table', () => {
  test('has no findings, and says how it is committed to and by whom', async () => {
    const ctx = memoryContext();
    await withCheckpoint(ctx);
    const examination = await examine(ctx);
    expect(examination).toMatchObject({
      table: 'memory://table',
      version: 3,
      commitWay: 'memory',
      writers: [{ engine: expect.stringMatching(/^deltawright\//), commits: 4, lastVersion: 3 }],
      findings: [],
      orphans: [],
    });
  });

  test('is not there where there is no log', async () => {
    await expect(examine(memoryContext())).rejects.toMatchObject({ code: 'TABLE_NOT_FOUND' });
  });
});

describe('the log', () => {
  test('a gap that nothing covers is an error, told once', async () => {
    const ctx = memoryContext();
    await soundTable(ctx);
    await ctx.store.delete([commitPath(2)]);
    const examination = await examine(ctx, { repair: true });
    expect(examination.version).toBeNull();
    expect(codes(examination)).toEqual(['LOG_GAP']);
    expect(examination.findings[0]).toMatchObject({
      severity: 'error',
      details: { from: 2, to: 2 },
      repair: null,
    });
  });

  test('a gap below a checkpoint is a warning', async () => {
    const ctx = memoryContext();
    await withCheckpoint(ctx);
    await ctx.store.delete([commitPath(2)]);
    expect((await examine(ctx)).findings).toMatchObject([{ code: 'LOG_GAP', severity: 'warning' }]);
  });

  test('a commit that is no JSON is named', async () => {
    const ctx = memoryContext();
    await soundTable(ctx);
    await writeText(ctx.store, commitPath(2), '{"add":');
    expect(codes(await examine(ctx))).toContain('COMMIT_BROKEN');
  });

  test.each([
    ['missing', null, 'HINT_MISSING'],
    ['torn', '{"version":3,', 'HINT_BROKEN'],
    ['at a checkpoint that is not there', '{"version":9,"size":1}', 'HINT_BROKEN'],
  ])('a hint that is %s is written anew', async (_, text, code) => {
    const ctx = memoryContext();
    await withCheckpoint(ctx);
    const before = await readText(ctx.store, LAST_CHECKPOINT_PATH);
    await ctx.store.delete([LAST_CHECKPOINT_PATH]);
    if (text !== null) await writeText(ctx.store, LAST_CHECKPOINT_PATH, text);
    expect(codes(await examine(ctx))).toEqual([code]);
    const { findings } = await examine(ctx, { repair: true });
    expect(findings[0]?.repair).toEqual({ kind: 'done', text: 'pointed the hint at version 3' });
    expect(JSON.parse(await readText(ctx.store, LAST_CHECKPOINT_PATH))).toMatchObject({
      version: 3,
      size: (JSON.parse(before) as { size: number }).size,
    });
    expect(codes(await examine(ctx))).toEqual([]);
  });

  test('a hint at an old checkpoint is stale; one without any is deleted', async () => {
    const ctx = memoryContext();
    await withCheckpoint(ctx);
    const old = await readText(ctx.store, LAST_CHECKPOINT_PATH);
    const { snapshot } = await commit(ctx, await openSnapshot(ctx), {
      operation: 'DELETE',
      actions: [removeAction('part%201.parquet')],
      reads: { kind: 'table' },
    });
    await writeCheckpoint(ctx, snapshot);
    await writeText(ctx.store, LAST_CHECKPOINT_PATH, old);
    expect(codes(await examine(ctx))).toEqual(['HINT_STALE']);
    await ctx.store.delete([checkpointPath(3), checkpointPath(4)]);
    await examine(ctx, { repair: true });
    expect(await ctx.store.head(LAST_CHECKPOINT_PATH)).toBeNull();
  });

  test('a broken checkpoint is replaced by a new one', async () => {
    const ctx = memoryContext();
    await withCheckpoint(ctx);
    await writeText(ctx.store, checkpointPath(3), 'PAR1 but not quite PAR1');
    expect(codes(await examine(ctx))).toEqual(['CHECKPOINT_BROKEN', 'ORPHANS_UNKNOWN']);
    const { findings } = await examine(ctx, { repair: true });
    expect(findings[0]?.repair?.text).toBe(`wrote ${checkpointPath(3)}, and the hint at it`);
    expect(codes(await examine(ctx))).toEqual([]);
  });

  test('broken checksum and compacted files are deleted, a checksum that disagrees is not', async () => {
    const ctx = memoryContext();
    await withCheckpoint(ctx);
    await writeText(ctx.store, checksumPath(2), 'no JSON');
    await writeText(ctx.store, compactedPath(1, 2), '{"add":');
    const sum = JSON.parse(await readText(ctx.store, checksumPath(3))) as object;
    await writeText(ctx.store, checksumPath(3), JSON.stringify({ ...sum, numFiles: 7 }));
    const { findings } = await examine(ctx, { repair: true });
    expect(findings.map(({ code, severity, repair }) => [code, severity, repair?.kind])).toEqual([
      ['CHECKSUM_DISAGREES', 'error', undefined],
      ['COMPACTED_BROKEN', 'warning', 'done'],
      ['CHECKSUM_BROKEN', 'warning', 'done'],
    ]);
    expect(codes(await examine(ctx))).toEqual(['CHECKSUM_DISAGREES']);
  });

  test('clocks that go back or ahead are told', async () => {
    const ctx = memoryContext();
    await soundTable(ctx, 1);
    ctx.clock.advance(HOUR_MS);
    const { snapshot } = await commit(ctx, await openSnapshot(ctx), {
      operation: 'WRITE',
      actions: [],
      reads: { kind: 'nothing' },
    });
    ctx.clock.advance(-2 * HOUR_MS);
    await commit(ctx, snapshot, { operation: 'WRITE', actions: [], reads: { kind: 'nothing' } });
    const found = await examine(ctx);
    expect(new Set(codes(found))).toEqual(new Set(['CLOCK_BACK', 'CLOCK_FUTURE']));
    const version = found.findings.find(({ code }) => code === 'CLOCK_BACK')?.details['version'];
    expect(version).toBe(3);
  });
});

describe('the files', () => {
  test('that are missing or changed are errors, and those that nobody names are listed', async () => {
    const ctx = memoryContext();
    await soundTable(ctx);
    await ctx.store.delete(['part 1.parquet']);
    await writeText(ctx.store, 'part 2.parquet', 'short');
    for (const path of ['orphan.parquet', 'p=1/_x/hidden.parquet', '_p=1/a.parquet', '.x/b']) {
      await writeText(ctx.store, path, '12345');
    }
    ctx.clock.advance(48 * HOUR_MS);
    const { findings, orphans } = await examine(ctx);
    expect(findings).toMatchObject([
      { code: 'FILES_MISSING', severity: 'error', details: { files: 1 } },
      { code: 'FILES_CHANGED', severity: 'error', details: { files: 1 } },
      { code: 'ORPHANS', severity: 'note', details: { files: 2, sizeBytes: 10 } },
    ]);
    expect(orphans).toEqual([
      { path: '_p=1/a.parquet', sizeBytes: 5, ageMs: 48 * HOUR_MS },
      { path: 'orphan.parquet', sizeBytes: 5, ageMs: 48 * HOUR_MS },
    ]);
  });

  test('of another store that cannot be reached are no end of the examination', async () => {
    const ctx = memoryContext();
    const resolve = (): Promise<never> => Promise.reject(badUri('s3://x/y', 'a test'));
    const snapshot = await newTable(ctx);
    await commit(ctx, snapshot, {
      operation: 'CLONE',
      actions: [addAction('s3://elsewhere/part.parquet')],
      reads: { kind: 'nothing' },
    });
    expect((await examine({ ...ctx, resolve })).findings).toMatchObject([
      { code: 'FILES_UNKNOWN', severity: 'warning', details: { files: 1 } },
    ]);
  });

  test('that older versions still name are no orphans', async () => {
    const ctx = memoryContext();
    await soundTable(ctx);
    await commit(ctx, await openSnapshot(ctx), {
      operation: 'DELETE',
      actions: [removeAction('part%201.parquet')],
      reads: { kind: 'table' },
    });
    expect(codes(await examine(ctx))).toEqual([]);
  });
});

describe('the description', () => {
  test('a property without its feature, and a partition column without a field, are errors', async () => {
    const ctx = memoryContext();
    await soundTable(ctx);
    const text = (await readText(ctx.store, commitPath(0)))
      .replace('"configuration":{}', '"configuration":{"delta.enableDeletionVectors":"true"}')
      .replace('"partitionColumns":[]', '"partitionColumns":["gone"]');
    await writeText(ctx.store, commitPath(0), text);
    expect((await examine(ctx)).findings).toMatchObject([
      { code: 'PROPERTY_WITHOUT_FEATURE', details: { feature: 'deletionVectors' } },
      { code: 'PARTITION_COLUMN_MISSING', details: { columns: 'gone' } },
    ]);
  });
});

describe('writers', () => {
  const spark: WriterSeen = {
    engine: 'Apache-Spark/4.0.0 Delta-Lake/4.0.0',
    commits: 1,
    lastVersion: 7,
  };
  const rust: WriterSeen = { engine: 'delta-rs:py-1.6.0', commits: 1, lastVersion: 8 };

  test('without conditional PUT are told on S3, and those without the log table beside it', () => {
    expect(mixedWriters('conditional-put', [rust])).toEqual([]);
    expect(mixedWriters('conditional-put', [rust, spark])).toMatchObject([
      { code: 'MIXED_WRITERS', severity: 'warning', details: { version: 7 } },
    ]);
    expect(mixedWriters('dynamodb', [spark])).toEqual([]);
    expect(mixedWriters('dynamodb', [spark, rust])).toMatchObject([
      { code: 'MIXED_WRITERS', details: { version: 8 } },
    ]);
    expect(mixedWriters('local', [spark, rust])).toEqual([]);
  });
});

describe('a table with a log table', () => {
  function coordinated(): {
    readonly ctx: TableContext;
    readonly inner: ObjectStore;
    readonly table: MemoryLogTable;
    readonly clock: ManualClock;
  } {
    const clock = new ManualClock();
    const inner = memoryStore({ clock, name: 'table' });
    const table = new MemoryLogTable();
    const store = coordinatedStore(inner, table, { clock, random: seededRandom(1) });
    return { ctx: contextOf(store, clock), inner, table, clock };
  }

  async function halfDone() {
    const made = coordinated();
    await soundTable(made.ctx, 1);
    const fileName = commitPath(2).replace('_delta_log/', '');
    const tempPath = `.tmp/${fileName}.uuid`;
    await writeText(made.inner, `_delta_log/${tempPath}`, '{"commitInfo":{"timestamp":1}}\n');
    const entry = { tablePath: 'memory://table', fileName, tempPath };
    await made.table.create({ ...entry, complete: false, expireTimeS: null });
    made.clock.advance(60_000);
    return { ...made, fileName, tempPath };
  }

  test('is sound, and says so', async () => {
    const { ctx } = coordinated();
    await soundTable(ctx);
    const examination = await examine(ctx);
    expect(examination.commitWay).toBe('dynamodb');
    expect(codes(examination)).toEqual([]);
  });

  test('a half-done commit is told without being finished, and finished by a repair', async () => {
    const { ctx, inner, table, fileName } = await halfDone();
    const examination = await examine(ctx);
    expect(examination).toMatchObject({ version: 1, findings: [{ code: 'COMMIT_HALF_DONE' }] });
    expect(await inner.head(commitPath(2))).toBeNull();
    const repaired = await examine(ctx, { repair: true });
    expect(repaired.version).toBe(2);
    expect(repaired.findings[0]?.repair).toEqual({ kind: 'done', text: `finished ${fileName}` });
    expect((await table.latest('memory://table'))?.complete).toBe(true);
  });

  test('one whose temporary file is gone is lost', async () => {
    const { ctx, inner, tempPath } = await halfDone();
    await inner.delete([`_delta_log/${tempPath}`]);
    const { findings } = await examine(ctx, { repair: true });
    expect(findings).toMatchObject([{ code: 'COMMIT_LOST', severity: 'error', repair: null }]);
  });

  test('a commit past the log table, entries of a deleted table, and old temporary files are told', async () => {
    const { ctx, inner, clock, table } = coordinated();
    await soundTable(ctx, 1);
    await commit(contextOf(inner, clock), await openSnapshot(ctx), {
      operation: 'WRITE',
      actions: [],
      reads: { kind: 'nothing' },
    });
    expect((await examine(ctx)).findings).toMatchObject([
      { code: 'MIXED_WRITERS', severity: 'error', details: { version: 2 } },
    ]);
    await inner.delete([commitPath(1), commitPath(2)]);
    expect(codes(await examine(ctx))).toContain('LOG_TABLE_STALE');
    table.entries.clear();
    clock.advance(25 * HOUR_MS);
    expect(codes(await examine(ctx))).toContain('TEMPORARY_FILES');
  });

  test('an entry that outlived those of later commits, and its own commit, is none of a deleted table', async () => {
    const { ctx, inner, table } = coordinated();
    await soundTable(ctx, 3);
    for (const [key, { fileName }] of table.entries) {
      if (fileName !== '00000000000000000001.json') table.entries.delete(key);
    }
    await inner.delete([commitPath(0), commitPath(1)]);
    expect(codes(await examine(ctx))).not.toContain('LOG_TABLE_STALE');
  });

  test('a guarded table with entries is an error', async () => {
    const { ctx, inner, table, clock } = coordinated();
    await soundTable(ctx, 1);
    const store = coordinatedStore(inner, table, { clock, random: seededRandom(1), use: 'guard' });
    expect((await examine(contextOf(store, clock))).findings).toMatchObject([
      { code: 'COMMIT_COORDINATED', severity: 'error' },
    ]);
  });
});

test('writers that commit in another way are told of while their commits are in what was read', async () => {
  const clock = new ManualClock();
  const inner = memoryStore({ clock, name: 'bucket/t' });
  // The way of a store is told by its URI.
  const store: ObjectStore = new Proxy(inner, {
    get: (target, name) => {
      if (name === 'uri') return 's3://bucket/t';
      const member: unknown = Reflect.get(target, name);
      return typeof member === 'function' ? (member.bind(target) as unknown) : member;
    },
  });
  const ctx = contextOf(store, clock);
  const own = await newTable(ctx);
  expect(strangerOf(store, own)).toBeNull();
  const spark = { engineInfo: 'Apache-Spark/4.0.0 Delta-Lake/4.0.0' };
  await writeText(store, commitPath(1), `${JSON.stringify({ commitInfo: spark })}\n`);
  const seen = await openSnapshot(ctx);
  expect(strangerOf(store, seen)?.message).toContain('committed version 1');
  const { snapshot } = await commit(ctx, seen, {
    operation: 'WRITE',
    actions: [addAction('a')],
    reads: { kind: 'nothing' },
  });
  expect(strangerOf(store, snapshot)).toMatchObject({
    code: 'MIXED_WRITERS',
    message: expect.stringContaining('has committed, and has no conditional PUT') as string,
  });
  await writeCheckpoint(ctx, snapshot);
  expect(strangerOf(store, await openSnapshot(ctx))).toBeNull();
});

test('a repaired table opens at every version as it did before it broke', async () => {
  const broken = '{"torn';
  const files = [
    LAST_CHECKPOINT_PATH,
    checkpointPath(2),
    checkpointPath(4),
    checksumPath(2),
    checksumPath(4),
    compactedPath(1, 2),
  ];
  await fc.assert(
    fc.asyncProperty(fc.subarray(files), fc.subarray(files), async (torn, gone) => {
      const ctx = memoryContext();
      let snapshot = await newTable(ctx, {
        properties: {
          'delta.checkpointInterval': '2',
          'deltawright.logCompactionInterval': '2',
        },
      });
      for (let n = 1; n <= 5; n += 1) {
        await writeText(ctx.store, `f${n}`, '0123456789');
        const actions = n === 4 ? [addAction('f4'), removeAction('f1')] : [addAction(`f${n}`)];
        const spec = { operation: 'WRITE', actions, reads: { kind: 'nothing' } } as const;
        ({ snapshot } = await commit(ctx, snapshot, spec));
      }
      for (const path of torn) await writeText(ctx.store, path, broken);
      await ctx.store.delete(gone);
      await examine(ctx, { repair: true });
      for (let version = 0; version <= 5; version += 1) {
        const expected = [1, 2, 3, 4, 5].filter((n) => n <= version && !(n === 1 && version > 3));
        const opened = await openSnapshot(ctx, { version });
        expect(pathsOf(opened)).toEqual(expected.map((n) => `f${n}`));
      }
      // What no repair may touch stays, and a second look finds nothing left to mend but old checkpoints.
      const left = new Set(codes(await examine(ctx, { repair: true })));
      for (const code of ['CHECKPOINT_BROKEN', 'ORPHANS_UNKNOWN']) left.delete(code);
      expect([...left]).toEqual([]);
    }),
    { numRuns: 40 },
  );
});
