/** Every operation, on a table of any kind, with the rows that the table must have after it. */

import { expect } from 'vitest';

import { rowsToArrow, writeParquet } from '../../../src/parquet/index.ts';
import { parseDdl, type Row } from '../../../src/schema/index.ts';
import type { ObjectStore } from '../../../src/store/index.ts';
import { convert, DeltaTable, tableContext, type TableTools } from '../../../src/table/index.ts';
import type { ManualClock } from '../../../src/base/index.ts';
import { COLUMNS, type TableKind } from './kinds.ts';
import { plainRow, without } from './rows.ts';

/** What an operation is given. */
export interface Cell {
  readonly kind: TableKind;
  readonly tools: TableTools;
  readonly clock: ManualClock;
  readonly table: DeltaTable;
  /** Below it are the table, and places for others. */
  readonly uri: string;
  readonly store: ObjectStore;
  readonly before: readonly Row[];
}

export interface Outcome {
  /** By the columns that the table has now. */
  readonly rows: readonly Row[];
  /** Where it is not the table itself that has them, or not by its whole log. */
  readonly other?: DeltaTable;
}

export interface Operation {
  readonly name: string;
  /** Whether it means anything for a kind of table. Default: it does. */
  readonly appliesTo?: (kind: TableKind) => boolean;
  /** What comes before it; gives the rows that it adds. */
  readonly season?: (table: DeltaTable) => Promise<readonly Row[]>;
  readonly run: (cell: Cell) => Promise<Outcome>;
}

const HOUR_MS = 3_600_000;
const RETENTION_MS = 8 * 24 * HOUR_MS;

const isGroup = (grp: string) => (row: Row) => row['grp'] === grp;

/** What a write tells: that it is there, and that nothing behind it failed. */
async function done(
  outcome: Promise<{ readonly kind: string; readonly postCommitErrors: readonly Error[] }>,
): Promise<void> {
  const { kind, postCommitErrors } = await outcome;
  expect({ kind, postCommitErrors }).toEqual({ kind: 'committed', postCommitErrors: [] });
}

const ROWS: readonly Operation[] = [
  {
    name: 'append rows',
    run: async ({ table, before }) => {
      const row = plainRow(7);
      await done(table.append({ rows: [row] }));
      return { rows: [...before, row] };
    },
  },
  {
    name: 'append Parquet',
    run: async ({ table, before, tools, uri }) => {
      const row = plainRow(8);
      await done(table.append({ parquet: [await putParquet(tools, `${uri}-files`, [row])] }));
      return { rows: [...before, row] };
    },
  },
  {
    name: 'copy into',
    run: async ({ table, before, tools, uri }) => {
      const row = plainRow(9);
      const from = `${uri}-files`;
      await putParquet(tools, from, [row]);
      await done(table.copyInto({ from }));
      expect(await table.copyInto({ from })).toMatchObject({ kind: 'unchanged', skippedCount: 1 });
      return { rows: [...before, row] };
    },
  },
  {
    name: 'overwrite',
    run: async ({ table }) => {
      const rows = [plainRow(20), plainRow(21)];
      await done(table.overwrite({ rows }));
      return { rows };
    },
  },
  {
    name: 'replaceWhere',
    run: async ({ table, before }) => {
      const row = plainRow(30, { grp: 'a' });
      await done(table.overwrite({ rows: [row] }, { replaceWhere: "grp = 'a'" }));
      return { rows: [...before.filter((it) => !isGroup('a')(it)), row] };
    },
  },
  {
    name: 'dynamic overwrite',
    run: async ({ table, before }) => {
      const row = plainRow(32);
      await done(table.overwrite({ rows: [row] }, { partitionOverwriteMode: 'dynamic' }));
      const isWhole = table.snapshot.partitionColumns.length === 0;
      return { rows: [...(isWhole ? [] : before.filter((it) => !isGroup('b')(it))), row] };
    },
  },
  {
    name: 'replace by key',
    run: async ({ table, before }) => {
      const rows = [plainRow(2, { v: 999n }), plainRow(40)];
      await done(table.overwrite({ rows }, { replaceUsing: ['id'] }));
      return { rows: [...before.filter(({ id }) => id !== 2n), ...rows] };
    },
  },
  {
    name: 'merge',
    run: async ({ table, before }) => {
      const rows = [plainRow(2, { v: 7n }), plainRow(4), plainRow(50)];
      await done(
        table.merge({
          source: { rows },
          on: 't.id = s.id',
          whenMatched: [{ condition: 's.id = 4', delete: true }, { update: '*' }],
          whenNotMatched: [{ insert: '*' }],
          whenNotMatchedBySource: [{ condition: 't.id = 5', update: { note: "'left'" } }],
        }),
      );
      const kept = before.filter(({ id }) => id !== 2n && id !== 4n);
      const changed = kept.map((row) => (row['id'] === 5n ? { ...row, note: 'left' } : row));
      return { rows: [...changed, plainRow(2, { v: 7n }), plainRow(50)] };
    },
  },
  {
    name: 'merge that inserts',
    run: async ({ table, before }) => {
      const rows = [plainRow(2, { v: 7n }), plainRow(60)];
      const whenNotMatched = [{ insert: '*' } as const];
      await done(table.merge({ source: { rows }, on: 't.id = s.id', whenNotMatched }));
      return { rows: [...before, plainRow(60)] };
    },
  },
  {
    name: 'update',
    run: async ({ table, before }) => {
      await done(table.update({ set: { v: 'v + 1', grp: "'c'" }, where: 'id = 2' }));
      return {
        rows: before.map((row) => (row['id'] === 2n ? { ...row, v: 21n, grp: 'c' } : row)),
      };
    },
  },
  {
    name: 'delete',
    run: async ({ table, before }) => {
      await done(table.delete({ where: 'id = 3' }));
      return { rows: before.filter(({ id }) => id !== 3n) };
    },
  },
];

const LAYOUT: readonly Operation[] = [
  {
    name: 'optimize',
    run: async ({ table, before }) => {
      await done(table.optimize());
      return { rows: before };
    },
  },
  {
    name: 'Z-order',
    run: async ({ table, before }) => {
      await done(table.optimize({ zOrderBy: ['id', 'v'] }));
      return { rows: before };
    },
  },
  {
    name: 'cluster',
    run: async ({ table, before }) => {
      await done(table.clusterBy('v'));
      await done(table.optimize({ full: true }));
      return { rows: before };
    },
  },
  {
    name: 'reorg',
    run: async ({ table, before }) => {
      const hidden = Array.from(table.files(), ({ deletedCount }) => deletedCount);
      const { kind, postCommitErrors } = await table.reorg();
      const expected = hidden.some((count) => count > 0) ? 'committed' : 'unchanged';
      expect({ kind, postCommitErrors }).toEqual({ kind: expected, postCommitErrors: [] });
      expect(Array.from(table.files(), ({ deletedCount }) => deletedCount)).not.toContain(1);
      return { rows: before };
    },
  },
  {
    name: 'auto compaction',
    run: async ({ table, before }) => {
      await done(table.setProperties({ 'delta.autoOptimize.autoCompact': 'true' }));
      const rows = Array.from({ length: SMALL_FILES }, (_, index) => plainRow(1001 + 2 * index));
      for (const row of rows) await done(table.append({ rows: [row] }));
      await table.refresh();
      expect(table.snapshot.fileCount).toBeLessThan(SMALL_FILES);
      return { rows: [...before, ...rows] };
    },
  },
];

/** So many make a partition be packed. */
const SMALL_FILES = 50;

const VERSIONS: readonly Operation[] = [
  {
    name: 'vacuum',
    run: async ({ table, before, store, clock }) => {
      const orphan = 'part-00000-left-behind.snappy.parquet';
      await store.put(orphan, new Uint8Array(4), { kind: 'create' });
      clock.advance(RETENTION_MS);
      const { files } = await table.vacuum();
      expect(files.map(({ path }) => path)).toContain(orphan);
      return { rows: before };
    },
  },
  {
    name: 'erase',
    run: async ({ table, tools, uri, before, clock }) => {
      clock.advance(RETENTION_MS);
      const { kind, clean, postCommitErrors } = await table.erase({
        where: 'id = 3',
        writerHours: 0,
      });
      expect({ kind, clean, postCommitErrors }).toEqual({
        kind: 'erased',
        clean: true,
        postCommitErrors: [],
      });
      const rows = before.filter(({ id }) => id !== 3n);
      return { rows, other: await DeltaTable.open(tools, uri) };
    },
  },
  {
    name: 'restore',
    season: async (table) => {
      await done(table.append({ rows: [plainRow(70)] }));
      return [plainRow(70)];
    },
    run: async ({ table, before }) => {
      await done(table.restore({ version: table.snapshot.version - 1 }));
      return { rows: before.filter(({ id }) => id !== 70n) };
    },
  },
  {
    name: 'shallow clone',
    run: async ({ table, tools, uri, before }) => {
      await table.clone(`${uri}-shallow`, { kind: 'shallow' });
      return { rows: before, other: await DeltaTable.open(tools, `${uri}-shallow`) };
    },
  },
  {
    name: 'deep clone',
    run: async ({ table, tools, uri, before }) => {
      await table.clone(`${uri}-deep`, { kind: 'deep' });
      return { rows: before, other: await DeltaTable.open(tools, `${uri}-deep`) };
    },
  },
  {
    name: 'convert',
    // What Parquet files say of columns is their types.
    appliesTo: ({ spec }) => spec?.schema === undefined,
    run: async ({ kind: { spec = {}, prepare }, tools, uri, before }) => {
      const place = `${uri}-folder`;
      const { partitionBy = [], properties = {} } = spec;
      const made = await DeltaTable.create(tools, place, { schema: COLUMNS, partitionBy });
      await made.append({ rows: [...before] });
      const store = tools.openStore(place);
      const log: string[] = [];
      for await (const { path } of store.list('_delta_log', { recursive: true })) log.push(path);
      await store.delete(log);
      await convert(tableContext(tools, store), { properties });
      const table = await DeltaTable.open(tools, place);
      await prepare?.(table);
      return { rows: before, other: table };
    },
  },
];

const DESCRIPTION: readonly Operation[] = [
  {
    name: 'add column',
    run: async ({ table, before }) => {
      await done(table.addColumns({ column: 'city', type: 'string', position: { after: 'id' } }));
      const row = plainRow(80, { city: 'Natal' });
      await done(table.append({ rows: [row] }));
      return { rows: [...before.map((it) => ({ ...it, city: null })), row] };
    },
  },
  {
    name: 'drop column',
    run: async ({ table, before }) => {
      await done(table.dropColumns('note'));
      return { rows: before.map((row) => without(row, 'note')) };
    },
  },
  {
    name: 'rename column',
    run: async ({ table, before }) => {
      await done(table.renameColumn('note', 'remark'));
      return { rows: before.map((row) => ({ ...without(row, 'note'), remark: row['note'] })) };
    },
  },
  {
    name: 'change column',
    run: async ({ table, before }) => {
      await done(table.changeColumn('note', { comment: 'free text', nullable: false }));
      await done(table.changeColumn('note', { position: 'first' }));
      await expect(table.append({ rows: [plainRow(81, { note: null })] })).rejects.toThrow();
      return { rows: before };
    },
  },
  {
    name: 'widen column',
    run: async ({ table, before }) => {
      await done(table.setProperties({ 'delta.enableTypeWidening': 'true' }));
      await done(table.widenColumn('n', 'bigint'));
      const row = plainRow(82, { n: 2n ** 40n });
      await done(table.append({ rows: [row] }));
      return { rows: [...before, row] };
    },
  },
  {
    name: 'add constraint',
    run: async ({ table, before }) => {
      await done(table.addConstraint('small', 'v < 100000'));
      const bad = table.append({ rows: [plainRow(83, { v: 100_000n })] });
      await expect(bad).rejects.toMatchObject({ code: 'RULE_VIOLATED' });
      return { rows: before };
    },
  },
  {
    name: 'drop constraint',
    run: async ({ table, before }) => {
      await done(table.addConstraint('small', 'v < 100000'));
      await done(table.dropConstraint('small'));
      const row = plainRow(84, { v: 100_000n });
      await done(table.append({ rows: [row] }));
      return { rows: [...before, row] };
    },
  },
  {
    name: 'set properties',
    run: async ({ table, before }) => {
      await done(table.setProperties({ 'delta.checkpointInterval': '20', 'owner.team': 'x' }));
      expect(table.detail().properties).toMatchObject({ 'owner.team': 'x' });
      return { rows: before };
    },
  },
  {
    name: 'unset properties',
    run: async ({ table, before }) => {
      await done(table.setProperties({ 'owner.team': 'x' }));
      await done(table.unsetProperties('owner.team'));
      expect(table.detail().properties).not.toHaveProperty('owner.team');
      return { rows: before };
    },
  },
];

const LOG: readonly Operation[] = [
  {
    name: 'manifest',
    run: async ({ table, before }) => {
      await table.generateManifest({ full: true });
      const named = await Array.fromAsync(table.manifestPaths());
      expect(named.toSorted()).toEqual(Array.from(table.files(), ({ uri }) => uri).toSorted());
      return { rows: before };
    },
  },
  {
    name: 'checkpoint',
    run: async ({ table, tools, uri, store, before }) => {
      await table.checkpoint();
      const commits: string[] = [];
      for await (const { path } of store.list('_delta_log')) {
        if (/\/\d{20}\.json$/.test(path)) commits.push(path);
      }
      await store.delete(commits);
      return { rows: before, other: await DeltaTable.open(tools, uri) };
    },
  },
  {
    name: 'log compaction',
    run: async ({ table, store, before }) => {
      await done(table.setProperties({ 'deltawright.logCompactionInterval': '2' }));
      const rows = [plainRow(90), plainRow(91)];
      for (const row of rows) await done(table.append({ rows: [row] }));
      const compacted: string[] = [];
      for await (const { path } of store.list('_delta_log')) {
        if (path.endsWith('.compacted.json')) compacted.push(path);
      }
      expect(compacted).not.toEqual([]);
      return { rows: [...before, ...rows] };
    },
  },
];

export const OPERATIONS: readonly Operation[] = [
  ...ROWS,
  ...LAYOUT,
  ...VERSIONS,
  ...DESCRIPTION,
  ...LOG,
];

/** Puts a file with these rows into a folder; gives its URI. */
async function putParquet(
  { openStore }: TableTools,
  folder: string,
  rows: readonly Row[],
): Promise<string> {
  const bytes = await writeParquet(await rowsToArrow(parseDdl(COLUMNS), rows));
  await openStore(folder).put('rows.parquet', bytes, { kind: 'create' });
  return `${folder}/rows.parquet`;
}
