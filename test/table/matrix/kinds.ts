/** Kinds of tables that every operation is tried on. */

import { expect } from 'vitest';

import type { Row } from '../../../src/schema/index.ts';
import { CHANGE_COLUMNS, type CreateTableSpec, type DeltaTable } from '../../../src/table/index.ts';
import { base, type Checked, plainRow, textOf, without } from './rows.ts';

export interface TableKind {
  /** As the README heads its column. */
  readonly name: string;
  readonly spec?: Partial<CreateTableSpec>;
  /** After the table is made, before rows come. */
  readonly prepare?: (table: DeltaTable) => Promise<unknown>;
  /** Once rows are there; gives those that it adds. */
  readonly season?: (table: DeltaTable) => Promise<readonly Row[]>;
  /** What must hold after every operation that works. */
  readonly check?: (after: Checked) => Promise<void>;
}

export const COLUMNS = 'id bigint, grp string, n int, v bigint, note string';

const POSITIVE = { name: 'positive', expression: 'v >= 0' };

export const KINDS: readonly TableKind[] = [
  { name: 'plain' },
  { name: 'partitioned', spec: { partitionBy: ['grp'] } },
  { name: 'mapped by name', spec: mapped('name') },
  { name: 'mapped by id', spec: mapped('id') },
  { name: 'deletion vectors', spec: switched('delta.enableDeletionVectors'), season: hideRow },
  { name: 'change feed', spec: switched('delta.enableChangeDataFeed'), check: changesTellRows },
  { name: 'row tracking', spec: switched('delta.enableRowTracking'), check: rowsKeepIds },
  {
    name: 'constraints',
    spec: { schema: COLUMNS.replace('id bigint', 'id bigint NOT NULL') },
    prepare: (table) => table.addConstraint(POSITIVE.name, POSITIVE.expression),
    check: constraintHolds,
  },
  {
    name: 'manifest',
    spec: switched('delta.compatibility.symlinkFormatManifest.enabled'),
    check: manifestIsCurrent,
  },
  { name: 'clustered', prepare: (table) => table.clusterBy('id'), check: isClustered },
  {
    name: 'made columns',
    spec: {
      schema:
        `${COLUMNS}, seq bigint GENERATED ALWAYS AS IDENTITY (START WITH 100), ` +
        `twice bigint GENERATED ALWAYS AS (v * 2), mark string DEFAULT 'new'`,
    },
    check: madeColumnsAreMade,
  },
  { name: 'append-only', spec: switched('delta.appendOnly') },
];

function switched(property: string): Partial<CreateTableSpec> {
  return { properties: { [property]: 'true' } };
}

function mapped(mode: string): Partial<CreateTableSpec> {
  return { properties: { 'delta.columnMapping.mode': mode } };
}

/** A row more, which a vector hides. */
async function hideRow(table: DeltaTable): Promise<readonly Row[]> {
  const row = plainRow(98);
  await table.append({ rows: [row, plainRow(99)] });
  await table.delete({ where: 'id = 99' });
  expect(Array.from(table.files(), ({ deletedCount }) => deletedCount).includes(1)).toBe(true);
  return [row];
}

/** The changes of the versions since, put to the rows before, give the rows after. */
async function changesTellRows({ table, before, after, isSame }: Checked): Promise<void> {
  const fromVersion = before.version + 1;
  if (!isSame || table.snapshot.version < fromVersion) return;
  const rows = before.rows.map(textOf);
  for await (const row of table.readChanges({ fromVersion })) {
    const type = row['_change_type'];
    const text = textOf(without(row, ...CHANGE_COLUMNS.map(({ name }) => name)));
    if (type === 'insert' || type === 'update_postimage') rows.push(text);
    else expect(rows.splice(rows.indexOf(text), 1)).toEqual([text]);
  }
  expect(rows.toSorted()).toEqual(after.map(textOf).toSorted());
}

/** A row that stays as it was keeps its id. */
async function rowsKeepIds({ table, before, isSame }: Checked): Promise<void> {
  if (!isSame) return;
  const after = await idsOf(table);
  const stayed = [...before.ids].filter(([text]) => after.has(text));
  expect(stayed.map(([text]) => [text, after.get(text)])).toEqual(stayed);
}

const ID = '_metadata.row_id';
const COMMIT_VERSION = '_metadata.row_commit_version';

/** The ids of rows by what is in them, of a table that gives rows ids. */
export async function idsOf(table: DeltaTable): Promise<ReadonlyMap<string, unknown>> {
  const rows = await Array.fromAsync(table.scan({ rowTracking: true }));
  return new Map(rows.map((row) => [textOf(without(row, ID, COMMIT_VERSION)), row[ID]]));
}

async function constraintHolds({ table }: Checked): Promise<void> {
  const holds = table.snapshot.metadata.configuration[`delta.constraints.${POSITIVE.name}`];
  const columns = table.snapshot.schema.fields.map(({ name }) => name);
  const [bad = {}] = base([plainRow(500, { v: -1n })], columns);
  const appended = table.append({ rows: [bad] });
  if (holds === undefined) await expect(appended).resolves.toMatchObject({ kind: 'committed' });
  else await expect(appended).rejects.toMatchObject({ code: 'RULE_VIOLATED' });
}

async function manifestIsCurrent({ table, isSame }: Checked): Promise<void> {
  if (!isSame) return;
  const named = await Array.fromAsync(table.manifestPaths());
  expect(named.toSorted()).toEqual(Array.from(table.files(), ({ uri }) => uri).toSorted());
}

async function isClustered({ table }: Checked): Promise<void> {
  expect(table.detail().clusteringColumns).toHaveLength(1);
}

async function madeColumnsAreMade({ table, after }: Checked): Promise<void> {
  const made = await Array.fromAsync(table.scan({ columns: ['v', 'seq', 'twice', 'mark'] }));
  expect(made.map(({ v, twice }) => ({ v, twice }))).toEqual(
    made.map(({ v }) => ({ v, twice: typeof v === 'bigint' ? v * 2n : null })),
  );
  const numbers = new Set(made.map(({ seq }) => seq));
  expect([numbers.size, numbers.has(null)]).toEqual([after.length, false]);
  expect(new Set(made.map(({ mark }) => mark))).toEqual(new Set(['new']));
}
