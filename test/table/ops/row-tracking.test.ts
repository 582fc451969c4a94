/** Where row ids are held, how rows come to have some, and who is not told of them. */

import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

import { assert } from '../../../src/base/index.ts';
import type { Action } from '../../../src/log/index.ts';
import { LONG } from '../../../src/schema/index.ts';
import { localStore } from '../../../src/store/index.ts';
import { addColumns, renameColumn } from '../../../src/table/columns.ts';
import { enableFeature, setProperties } from '../../../src/table/alter.ts';
import { commitTransaction } from '../../../src/table/commit.ts';
import { dropFeature } from '../../../src/table/drop-feature.ts';
import { readHistory } from '../../../src/table/history.ts';
import { append } from '../../../src/table/ops/append.ts';
import { readChanges } from '../../../src/table/ops/changes.ts';
import { clone } from '../../../src/table/ops/clone.ts';
import { deleteRows } from '../../../src/table/ops/delete.ts';
import { listFiles } from '../../../src/table/ops/files.ts';
import { ingest } from '../../../src/table/ops/ingest.ts';
import { inspectInputs } from '../../../src/table/ops/input.ts';
import { merge } from '../../../src/table/ops/merge.ts';
import { optimize } from '../../../src/table/ops/optimize.ts';
import { restore } from '../../../src/table/ops/restore.ts';
import { scanRows } from '../../../src/table/ops/scan.ts';
import { updateRows } from '../../../src/table/ops/update.ts';
import type { Snapshot } from '../../../src/table/types.ts';
import { withTable } from './engine-table.ts';
import { DDL, idsOf, rowsFrom, TRACKED } from './tracked-rows.ts';
import { type Bench, tableOf, withBench } from './write-table.ts';

async function filled(
  bench: Bench,
  properties: Readonly<Record<string, string>> = {},
): Promise<Snapshot> {
  let snapshot = await tableOf(bench, DDL, { properties: { ...TRACKED, ...properties } });
  for (const first of [0, 4, 8]) {
    ({ snapshot } = await append(bench.ctx, snapshot, { rows: rowsFrom(first, 4) }));
  }
  return snapshot;
}

describe('the columns that hold row ids', () => {
  test('are in files that rows came to, null where the commit tells, and nowhere else', async () => {
    await withBench('disk', async (bench) => {
      const { ctx } = bench;
      const properties = {
        ...TRACKED,
        'delta.enableChangeDataFeed': 'true',
        'delta.columnMapping.mode': 'name',
      };
      const start = (
        await append(ctx, await tableOf(bench, DDL, { properties }), { rows: rowsFrom(0, 4) })
      ).snapshot;
      const { snapshot } = await updateRows(ctx, start, { set: { n: '5' }, where: 'id = 2' });
      const [id = '', version = ''] = Object.values(namesOf(snapshot));
      const [file] = [...listFiles(snapshot)];
      const path = ctx.store.localFile(file?.path ?? '') ?? '';
      const held = await bench.session.query(
        `SELECT "${id}" AS id, "${version}" AS version FROM read_parquet('${path}') ORDER BY id`,
      );
      expect(held).toEqual([
        { id: 0n, version: 1n },
        { id: 1n, version: 1n },
        { id: 2n, version: null },
        { id: 3n, version: 1n },
      ]);
      expect([...snapshot.files()][0]?.stats).not.toContain('_row');
      expect([...(file?.statistics?.columns.keys() ?? [])]).toEqual(['id', 'p', 'n']);
      const [row] = await Array.fromAsync(scanRows(ctx, snapshot, { limit: 1 }));
      expect(Object.keys(row ?? {})).toEqual(['id', 'p', 'n']);
      const changes = await Array.fromAsync(readChanges(ctx, snapshot, { fromVersion: 2 }));
      expect(new Set(changes.map(({ _change_type: type }) => type))).toEqual(
        new Set(['update_preimage', 'update_postimage']),
      );
      expect(Object.keys(changes[0] ?? {})).toHaveLength(6);
      const [entry] = await readHistory(ctx, { metadata: snapshot.metadata, limit: 1 });
      expect(entry?.commitInfo['tags']).toEqual({ 'delta.rowTracking.preserved': 'true' });
    });
  });

  test('are no names for columns of the table', async () => {
    await withBench('memory', async (bench) => {
      const { ctx } = bench;
      const start = await filled(bench);
      const { id, version } = namesOf(start);
      const taken = { code: 'ROW_ID_COLUMN_TAKEN' };
      const added = [{ column: `\`${id.toUpperCase()}\``, type: LONG }];
      await expect(addColumns(ctx, start, added)).rejects.toMatchObject(taken);
      const mapped = await setProperties(ctx, start, {
        set: { 'delta.columnMapping.mode': 'name' },
      });
      const renaming = renameColumn(ctx, mapped.snapshot, { column: 'n', name: version });
      await expect(renaming).rejects.toMatchObject(taken);
    });
  });

  test('of a file from outside are not taken for those of the table', async () => {
    await withBench('memory', async (bench) => {
      const start = await filled(bench);
      const { id } = namesOf(start);
      const query = `SELECT 50::BIGINT AS id, 0 AS p, 0 AS n, 3::BIGINT AS "${id}"`;
      const uri = await bench.parquet('a.parquet', query);
      await expect(append(bench.ctx, start, { parquet: [uri] })).rejects.toMatchObject({
        code: 'APPEND_SOURCE_UNFIT',
      });
      const inspected = await inspectInputs(bench.ctx, await bench.inputs(), {
        schema: start.schema,
        keyColumns: ['id'],
      });
      const taken = { dropDuplicates: ['id'], keyColumns: ['id'] };
      const { snapshot } = await ingest(bench.ctx, start, inspected.accepted, taken);
      await inspected.close();
      expect((await idsOf(bench, snapshot)).get(50)).toEqual([12n, snapshot.version]);
    });
  });

  test('of a deep clone are those of the table', async () => {
    await withBench('disk', async (bench) => {
      const { ctx } = bench;
      const start = await filled(bench);
      const moved = (await optimize(ctx, start)).snapshot;
      const store = localStore(join(bench.folder, 'clone'), { ...ctx, durable: false });
      const target = { ...ctx, store };
      const { snapshot: copy } = await clone(ctx, moved, target, { kind: 'deep' });
      expect(await idsOf({ ...bench, ctx: target }, copy)).toEqual(await idsOf(bench, start));
      expect(namesOf(copy)).toEqual(namesOf(start));
    });
  });

  test('of a shallow clone are its own, and so are the ids', async () => {
    await withBench('disk', async (bench) => {
      const { ctx } = bench;
      const start = await filled(bench);
      const changed = (await updateRows(ctx, start, { set: { n: '1' }, where: 'id > 3' })).snapshot;
      const store = localStore(join(bench.folder, 'clone'), { ...ctx, durable: false });
      const target = { ...ctx, store };
      const { snapshot: copy } = await clone(ctx, changed, target, { kind: 'shallow' });
      expect(namesOf(copy).id).not.toBe(namesOf(start).id);
      const ids = [...(await idsOf({ ...bench, ctx: target }, copy)).values()];
      expect(new Set(ids.map(([rowId]) => rowId)).size).toBe(12);
      expect(new Set(ids.map(([, version]) => version))).toEqual(new Set([0]));
      const merged = await optimize(target, copy);
      expect(merged.kind).toBe('committed');
      const after = [...(await idsOf({ ...bench, ctx: target }, merged.snapshot)).values()];
      expect(after.map(String).toSorted()).toEqual(ids.map(String).toSorted());
    });
  });
});

describe('where others commit meanwhile', () => {
  test('new rows get ids behind theirs, and rows that are changed keep their own', async () => {
    await withBench('memory', async (bench) => {
      const { ctx } = bench;
      const start = await filled(bench);
      const before = await idsOf(bench, start);
      const won = await append(ctx, start, { rows: rowsFrom(100, 3) });
      const changed = await merge(ctx, start, {
        source: { rows: [{ id: 1n, p: 0, n: 9 }, ...rowsFrom(200, 2)] },
        on: 't.id = s.id',
        whenMatched: [{ update: '*' }],
        whenNotMatched: [{ insert: '*' }],
      });
      const packed = await optimize(ctx, start);
      const { version } = changed.snapshot;
      expect(version).toBe(won.snapshot.version + 1);
      const found = await idsOf(bench, packed.snapshot);
      for (const [id, own] of before) {
        expect(found.get(id)).toEqual(id === 1 ? [own[0], version] : own);
      }
      expect(found.get(102)).toEqual([14n, won.snapshot.version]);
      const ids = Array.from(found.values(), ([rowId]) => rowId);
      expect(new Set(ids).size).toBe(ids.length);
    });
  });

  test('rows keep the ids that they get when row tracking is turned on under way', async () => {
    await withBench('memory', async (bench) => {
      const { ctx } = bench;
      const start = await untracked(bench);
      const { snapshot } = await setProperties(ctx, start, { set: TRACKED });
      const given = await idsOf(bench, snapshot);
      const packed = await optimize(ctx, start);
      expect(packed).toMatchObject({ kind: 'committed', binsLost: 0 });
      expect(await idsOf(bench, packed.snapshot)).toEqual(given);
      const deleted = await deleteRows(ctx, start, { where: 'id = 1' });
      const left = new Map(given);
      left.delete(1);
      expect(await idsOf(bench, deleted.snapshot)).toEqual(left);
    });
  });
});

describe('row tracking turned on for a table with rows', () => {
  test('gives them ids first, counting those that nobody counted', async () => {
    await withBench('memory', async (bench) => {
      const { ctx } = bench;
      const start = await untracked(bench);
      const { snapshot } = await setProperties(ctx, start, { set: TRACKED });
      const history = await readHistory(ctx, { metadata: snapshot.metadata });
      expect(history.map(({ operation }) => operation)).toEqual([
        'SET TBLPROPERTIES',
        'ROW TRACKING BACKFILL',
        'SET TBLPROPERTIES',
        'WRITE',
        'TEST',
        'WRITE',
        'CREATE TABLE',
      ]);
      expect([...(await idsOf(bench, snapshot)).values()]).toEqual([
        [0n, 5],
        [1n, 5],
        [2n, 5],
        [3n, 5],
      ]);
      const files = Array.from(snapshot.files(), ({ stats }) => JSON.parse(stats ?? '').numRecords);
      expect(files).toEqual([2, 2]);
    });
  });

  test('also those that came a moment ago', async () => {
    await withBench('memory', async (bench) => {
      const { ctx } = bench;
      const empty = await tableOf(bench, DDL);
      await append(ctx, empty, { rows: rowsFrom(0, 2) });
      const enabled = await setProperties(ctx, empty, { set: TRACKED });
      expect((await idsOf(bench, enabled.snapshot)).size).toBe(2);
      const { snapshot } = await append(ctx, empty, { rows: rowsFrom(2, 2) });
      expect((await idsOf(bench, snapshot)).get(3)).toEqual([3n, snapshot.version]);
    });
  });

  test('is refused while ids are suspended, and then new rows get none', async () => {
    await withBench('memory', async (bench) => {
      const { ctx } = bench;
      const start = await untracked(bench);
      const set = {
        'delta.feature.rowTracking': 'supported',
        'delta.rowTrackingSuspended': 'true',
      };
      const suspended = (await setProperties(ctx, start, { set })).snapshot;
      const { snapshot } = await append(ctx, suspended, { rows: rowsFrom(10, 1) });
      expect(Array.from(snapshot.files(), ({ baseRowId }) => baseRowId)).toEqual([
        undefined,
        undefined,
        undefined,
      ]);
      await expect(setProperties(ctx, snapshot, { set: TRACKED })).rejects.toMatchObject({
        code: 'PROPERTY_INVALID',
      });
      const unset = ['delta.rowTrackingSuspended'];
      const resumed = (await setProperties(ctx, snapshot, { unset })).snapshot;
      const enabled = await setProperties(ctx, resumed, { set: TRACKED });
      expect((await idsOf(bench, enabled.snapshot)).size).toBe(5);
    });
  });

  test('begins anew where the feature was dropped', async () => {
    await withBench('memory', async (bench) => {
      const { ctx } = bench;
      const start = (await optimize(ctx, await filled(bench))).snapshot;
      const { snapshot } = await dropFeature(ctx, start, 'rowTracking');
      expect(Array.from(snapshot.files(), ({ baseRowId }) => baseRowId)).toEqual([undefined]);
      const again = (await setProperties(ctx, snapshot, { set: TRACKED })).snapshot;
      expect(namesOf(again).id).not.toBe(namesOf(start).id);
      const { snapshot: more } = await append(ctx, again, { rows: rowsFrom(20, 2) });
      const ids = Array.from((await idsOf(bench, more)).values(), ([rowId]) => rowId);
      expect(ids.toSorted((a, b) => Number(a - b))).toEqual(
        Array.from({ length: 14 }, (_, i) => BigInt(i)),
      );
    });
  });
});

describe('a table that is restored', () => {
  test('keeps the names of its columns of row ids, also to before it had any', async () => {
    await withBench('memory', async (bench) => {
      const { ctx } = bench;
      const start = await untracked(bench);
      const { snapshot } = await setProperties(ctx, start, { set: TRACKED });
      const packed = (await optimize(ctx, snapshot)).snapshot;
      const back = (await restore(ctx, packed, { version: start.version })).snapshot;
      const again = (await setProperties(ctx, back, { set: TRACKED })).snapshot;
      expect(namesOf(again)).toEqual(namesOf(packed));
      const forth = (await restore(ctx, again, { version: packed.version })).snapshot;
      expect(await idsOf(bench, forth)).toEqual(await idsOf(bench, packed));
    });
  });

  test.each([[[]], [[0]], [[0, 4, 8, 12]]])(
    'to before the feature was dropped has no id twice, with new rows from %j since',
    async (firsts) => {
      await withBench('memory', async (bench) => {
        const { ctx } = bench;
        const start = await filled(bench);
        const moved = (await updateRows(ctx, start, { set: { n: '1' }, where: 'id = 5' })).snapshot;
        let { snapshot } = await dropFeature(ctx, moved, 'rowTracking');
        for (const first of firsts) {
          ({ snapshot } = await setProperties(ctx, snapshot, { set: TRACKED }));
          ({ snapshot } = await append(ctx, snapshot, { rows: rowsFrom(100 + first, 4) }));
          ({ snapshot } = await deleteRows(ctx, snapshot, { where: `id = ${String(first)}` }));
        }
        const back = (await restore(ctx, snapshot, { version: moved.version })).snapshot;
        const ids = Array.from((await idsOf(bench, back)).values(), ([rowId]) => rowId);
        expect(ids).toHaveLength(12);
        expect(new Set(ids).size).toBe(12);
        const more = (await append(ctx, back, { rows: rowsFrom(50, 1) })).snapshot;
        const [fresh = 0n] = (await idsOf(bench, more)).get(50) ?? [];
        expect(ids.every((rowId) => rowId < fresh)).toBe(true);
      });
    },
  );
});

describe('row ids are not told', () => {
  test('of a table that does not keep them, or whose log does not tell those of a file', async () => {
    await withBench('memory', async (bench) => {
      const supported = await enableFeature(bench.ctx, await untracked(bench), 'rowTracking');
      await expect(idsOf(bench, supported.snapshot)).rejects.toMatchObject({
        code: 'ROW_IDS_NOT_KEPT',
      });
    });
    const spec = {
      ddl: 'id bigint',
      protocol: {
        minReaderVersion: 1,
        minWriterVersion: 7,
        writerFeatures: ['domainMetadata', 'rowTracking'],
      },
      configuration: {
        ...TRACKED,
        'delta.rowTracking.materializedRowIdColumnName': 'a',
        'delta.rowTracking.materializedRowCommitVersionColumnName': 'b',
      },
      files: [{ key: 'a.parquet', query: 'SELECT range AS id FROM range(3)' }],
    };
    await withTable('memory', spec, async ({ ctx, snapshot }) => {
      const rows = scanRows(ctx, snapshot, { rowTracking: true });
      await expect(Array.fromAsync(rows)).rejects.toMatchObject({ code: 'ROW_IDS_MISSING' });
    });
  });
});

function namesOf({ metadata: { configuration } }: Snapshot): {
  readonly id: string;
  readonly version: string;
} {
  return {
    id: configuration['delta.rowTracking.materializedRowIdColumnName'] ?? '',
    version: configuration['delta.rowTracking.materializedRowCommitVersionColumnName'] ?? '',
  };
}

/** Two files of two rows, of which nobody has counted those of the first. */
async function untracked(bench: Bench): Promise<Snapshot> {
  const { ctx } = bench;
  const first = await append(ctx, await tableOf(bench, DDL), { rows: rowsFrom(0, 2) });
  const uncounted = Array.from(first.snapshot.files(), ({ stats: _stats, ...file }): Action => ({
    kind: 'add',
    add: { ...file, dataChange: false },
  }));
  const outcome = await commitTransaction(ctx, first.snapshot, {
    operation: 'TEST',
    actions: uncounted,
    reads: { kind: 'nothing' },
  });
  assert(outcome.kind === 'committed', 'nobody else commits');
  return (await append(ctx, outcome.snapshot, { rows: rowsFrom(2, 2) })).snapshot;
}
