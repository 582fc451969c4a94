import { describe, expect, test } from 'vitest';

import { isDeltaError } from '../../../src/base/index.ts';
import { commitPath, parseCommit } from '../../../src/log/index.ts';
import { decodePath } from '../../../src/schema/index.ts';
import { faultyStore } from '../../../src/store/index.ts';
import { setProperties } from '../../../src/table/alter.ts';
import { renameColumn } from '../../../src/table/columns.ts';
import { clusterBy } from '../../../src/table/domains.ts';
import { openSnapshot } from '../../../src/table/open.ts';
import { append } from '../../../src/table/ops/append.ts';
import { merge } from '../../../src/table/ops/merge.ts';
import { restore } from '../../../src/table/ops/restore.ts';
import { domainOf } from '../../../src/table/snapshot.ts';
import type { Snapshot } from '../../../src/table/types.ts';
import { addAction, commit, memoryContext, newTable, pathsOf, writeText } from '../context.ts';
import { type Bench, rowsOf, tableOf, withBench } from './write-table.ts';

async function appended({ ctx }: Bench, start: Snapshot, ...ids: number[]): Promise<Snapshot> {
  const rows = ids.map((id) => ({ id: BigInt(id), nome: `n${id}` }));
  return (await append(ctx, start, { rows })).snapshot;
}

async function deleted({ ctx }: Bench, start: Snapshot, id: number): Promise<Snapshot> {
  const source = { rows: [{ id: BigInt(id) }] };
  const clauses = { on: 't.id = s.id', whenMatched: [{ delete: true }] } as const;
  return (await merge(ctx, start, { source, ...clauses })).snapshot;
}

describe.each(['memory', 'disk'] as const)('restore (%s)', (kind) => {
  test('a version comes back with its rows, and so does what it replaced', async () => {
    await withBench(kind, async (bench) => {
      const { ctx } = bench;
      const one = await appended(bench, await tableOf(bench, 'id bigint, nome string'), 1, 2, 3);
      const two = await deleted(bench, await appended(bench, one, 4), 2);
      const [before, after] = [await rowsOf(bench, one), await rowsOf(bench, two)];
      const back = await restore(ctx, two, { version: one.version });
      expect(back).toMatchObject({ kind: 'committed', restoredVersion: 1, filesRestored: 1 });
      expect(await rowsOf(bench, back.snapshot)).toEqual(before);
      const again = await restore(ctx, back.snapshot, { version: two.version });
      expect(await rowsOf(bench, again.snapshot)).toEqual(after);
      const path = commitPath(back.snapshot.version);
      const [info] = parseCommit((await ctx.store.get(path)).bytes, path);
      expect(info).toMatchObject({
        commitInfo: {
          operation: 'RESTORE',
          operationParameters: { version: '1' },
          operationMetrics: {
            numOfFilesAfterRestore: '1',
            numRestoredFiles: '1',
            numRemovedFiles: String(two.fileCount),
            tableSizeAfterRestore: String(one.sizeBytes),
            removedFilesSize: String(two.sizeBytes),
            restoredFilesSize: String(one.sizeBytes),
          },
        },
      });
      expect(await restore(ctx, again.snapshot, { version: two.version })).toMatchObject({
        kind: 'unchanged',
        filesRestored: 0,
      });
    });
  });
});

describe('restore', () => {
  test('by a time, and neither by both nor by none', async () => {
    const ctx = memoryContext();
    const table = await newTable(ctx);
    ctx.clock.advance(1_000);
    const one = (
      await commit(ctx, table, {
        operation: 'WRITE',
        actions: [addAction('a')],
        reads: { kind: 'nothing' },
      })
    ).snapshot;
    await writeText(ctx.store, 'a', 'abc');
    const { timestampMs } = one;
    ctx.clock.advance(1_000);
    const two = await restore(ctx, one, { version: 0 });
    expect(two.snapshot.fileCount).toBe(0);
    const { snapshot, restoredVersion } = await restore(ctx, two.snapshot, { timestampMs });
    expect([pathsOf(snapshot), restoredVersion]).toEqual([['a'], 1]);
    await expect(restore(ctx, snapshot, {})).rejects.toMatchObject({ code: 'RESTORE_INVALID' });
    await expect(restore(ctx, snapshot, { version: 9 })).rejects.toMatchObject({
      code: 'VERSION_NOT_FOUND',
    });
  });

  test('files that are gone are named, or left out where that is asked for', async () => {
    await withBench('memory', async (bench) => {
      const { ctx } = bench;
      const table = await tableOf(bench, 'id bigint, nome string');
      const one = await appended(bench, await appended(bench, table, 1), 2);
      const paths = pathsOf(one);
      const two = (await restore(ctx, one, { version: 0 })).snapshot;
      await ctx.store.delete([decodePath(paths[0] ?? '')]);
      await expect(restore(ctx, two, { version: 2 })).rejects.toSatisfy(
        (error) =>
          isDeltaError(error, 'RESTORE_FILES_MISSING') && error.message.includes(paths[0] ?? '-'),
      );
      expect((await openSnapshot(ctx)).version).toBe(two.version);
      const back = await restore(ctx, two, { version: 2, ignoreMissing: true });
      expect(back).toMatchObject({ filesRestored: 1, missing: [paths[0]] });
      expect(pathsOf(back.snapshot)).toEqual([paths[1]]);
    });
  });

  test('schema, properties and clustering come back, the protocol and what only rises stay', async () => {
    const ctx = memoryContext();
    const table = await newTable(ctx, { properties: { 'delta.appendOnly': 'false', a: '1' } });
    const clustered = await clusterBy(ctx, table, ['id']);
    const mapped = await setProperties(ctx, clustered.snapshot, {
      set: {
        a: '2',
        'delta.columnMapping.mode': 'name',
        'delta.enableInCommitTimestamps': 'true',
        'delta.enableRowTracking': 'true',
      },
    });
    const since =
      mapped.snapshot.metadata.configuration['delta.inCommitTimestampEnablementVersion'];
    const back = await restore(ctx, mapped.snapshot, { version: 0 });
    const { metadata, protocol } = back.snapshot;
    expect(metadata.configuration).toMatchObject({
      a: '1',
      'delta.enableInCommitTimestamps': 'true',
      'delta.inCommitTimestampEnablementVersion': since,
      'delta.columnMapping.maxColumnId': '2',
    });
    expect(metadata.configuration['delta.columnMapping.mode']).toBeUndefined();
    expect(metadata.configuration['delta.enableRowTracking']).toBeUndefined();
    expect(protocol).toEqual(mapped.snapshot.protocol);
    expect(domainOf(back.snapshot, 'delta.clustering')).toBeNull();
    expect(metadata.id).toBe(table.metadata.id);
    const forth = await restore(ctx, back.snapshot, { version: 1 });
    expect(domainOf(forth.snapshot, 'delta.clustering')).toContain('["id"]');
    expect(forth.snapshot.timestampMs).toBeGreaterThan(back.snapshot.timestampMs);
  });

  test('rows keep their row ids, and the mark does not fall', async () => {
    await withBench('memory', async (bench) => {
      const { ctx } = bench;
      const properties = { 'delta.enableRowTracking': 'true' };
      const table = await tableOf(bench, 'id bigint, nome string', { properties });
      const one = await appended(bench, table, 1, 2, 3);
      const two = await appended(bench, one, 4, 5);
      const empty = (await restore(ctx, two, { version: 0 })).snapshot;
      const back = (await restore(ctx, empty, { version: 2 })).snapshot;
      const idsOf = (it: Snapshot): readonly unknown[] =>
        Array.from(it.files(), ({ path, baseRowId, defaultRowCommitVersion }) =>
          [path, baseRowId, defaultRowCommitVersion].join(),
        ).sort();
      expect(idsOf(back)).toEqual(idsOf(two));
      expect(domainOf(back, 'delta.rowTracking')).toBe('{"rowIdHighWaterMark":4}');
      const more = await appended(bench, back, 6);
      expect(domainOf(more, 'delta.rowTracking')).toBe('{"rowIdHighWaterMark":5}');
    });
  });

  test('the mark of an identity column goes on', async () => {
    const ctx = memoryContext();
    const metadataOf = (mark: number): Record<string, number> => ({
      'delta.identity.start': 1,
      'delta.identity.step': 1,
      'delta.identity.highWaterMark': mark,
    });
    const schemaOf = (mark: number): string =>
      JSON.stringify({
        type: 'struct',
        fields: [{ name: 'id', type: 'long', nullable: true, metadata: metadataOf(mark) }],
      });
    const table = await newTable(ctx);
    let latest = table;
    for (const mark of [5, 9]) {
      const metaData = { ...table.metadata, schemaString: schemaOf(mark) };
      const actions = [{ kind: 'metaData', metaData }] as const;
      const spec = { operation: 'X', actions, reads: { kind: 'nothing' } } as const;
      latest = (await commit(ctx, latest, spec)).snapshot;
    }
    const back = await restore(ctx, latest, { version: 1 });
    expect(back.kind).toBe('unchanged');
  });

  test('the mark of an identity column goes on, whatever the column was called since', async () => {
    await withBench('memory', async (bench) => {
      const { ctx } = bench;
      const start = await tableOf(bench, 'k bigint GENERATED ALWAYS AS IDENTITY, v int', {
        properties: { 'delta.columnMapping.mode': 'name' },
      });
      const rows = [{ v: 1 }, { v: 2 }];
      const first = await append(ctx, start, { rows });
      const renamed = await renameColumn(ctx, first.snapshot, { column: 'k', name: 'other' });
      const second = await append(ctx, renamed.snapshot, { rows });
      const back = await restore(ctx, second.snapshot, { version: first.snapshot.version });
      const third = await append(ctx, back.snapshot, { rows: [{ v: 3 }] });
      expect((await rowsOf(bench, third.snapshot)).map(({ k }) => k)).toEqual([1n, 2n, 5n]);
    });
  });

  test('appends at the same moment are undone or stand behind it, and an append-only table is refused', async () => {
    const ctx = memoryContext();
    const write = (path: string): Parameters<typeof commit>[2] => ({
      operation: 'WRITE',
      actions: [addAction(path)],
      reads: { kind: 'nothing' },
    });
    const one = (await commit(ctx, await newTable(ctx), write('a'))).snapshot;
    await commit(ctx, one, write('b'));
    const back = await restore(ctx, one, { version: 0 });
    expect([back.snapshot.version, back.filesRemoved]).toEqual([3, 2]);
    const stale = await commit(ctx, one, write('c'));
    expect(pathsOf(stale.snapshot)).toEqual(['c']);
    const only = await setProperties(ctx, stale.snapshot, { set: { 'delta.appendOnly': 'true' } });
    await expect(restore(ctx, only.snapshot, { version: 0 })).rejects.toMatchObject({
      code: 'APPEND_ONLY',
    });
  });
});

test('a restore that is committed is told so, also where the store does not answer any more', async () => {
  await withBench('memory', async (bench) => {
    const one = await appended(bench, await tableOf(bench, 'id bigint, nome string'), 1);
    const two = await deleted(bench, one, 1);
    const committed = commitPath(two.version + 1);
    let isThere = false;
    const store = faultyStore(bench.ctx.store, {
      clock: bench.ctx.clock,
      plan: ({ verb, path }) => {
        const isLate = isThere;
        isThere ||= path === committed;
        return { kind: isLate && verb === 'head' ? 'fail' : 'none' };
      },
    });
    const back = await restore({ ...bench.ctx, store }, two, { version: one.version });
    expect(back).toMatchObject({ kind: 'committed', filesRestored: 1 });
    expect(back.postCommitErrors).toMatchObject([{ code: 'STORE_UNAVAILABLE' }]);
    expect(await rowsOf(bench, back.snapshot)).toEqual(await rowsOf(bench, one));
  });
});
