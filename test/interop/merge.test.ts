/** The same MERGE by Spark on a copy of a table, and by us: the same rows, or the same refusal. */

import { cpSync } from 'node:fs';
import { join } from 'node:path';

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { createTable, type CreateTableSpec, type DeltaTable } from '../../src/index.ts';
import {
  modelMerge,
  type ModelMerge,
  modelMerges,
  type ModelRow,
  modelRows,
  specOf,
  sqlOf,
} from '../table/ops/merge-model.ts';
import { EngineBed } from './engine-bed.ts';

const bed = new EngineBed('merges', { fewRows: true });
const { folder } = bed;

const TABLES: readonly (readonly [string, Omit<CreateTableSpec, 'schema'>])[] = [
  ['plain', {}],
  ['partitioned', { partitionBy: ['p'] }],
  [
    'with deletion vectors and changes recorded',
    {
      properties: { 'delta.enableDeletionVectors': 'true', 'delta.enableChangeDataFeed': 'true' },
    },
  ],
  [
    'partitioned, with columns mapped',
    { partitionBy: ['p'], properties: { 'delta.columnMapping.mode': 'name' } },
  ],
];

/** Of each kind of table. */
const MERGES = 8;

describe.each(TABLES)('a table that is %s', (name, spec) => {
  const cases = fc.sample(
    fc.tuple(fc.array(modelRows(6), { minLength: 1, maxLength: 3 }), modelRows(9), modelMerges),
    { seed: name.length, numRuns: MERGES },
  );
  it.each(cases.map((it, index) => [index, ...it] as const))(
    'takes merge %i as Spark does',
    async (index, files, source, definition) => {
      const uri = join(folder, `${name} ${String(index)}`);
      const table = await createTable(uri, { ...spec, schema: 'id bigint, p string, n int' });
      for (const rows of files) await table.append({ rows: rows.map((row) => ({ ...row })) });
      const copy = `${uri} by Spark`;
      cpSync(uri, copy, { recursive: true });
      const theirs = sparkMerges(copy, source, definition);
      const ours = table.merge({
        ...specOf(definition),
        source: { rows: source.map((row) => ({ ...row })), schema: table.snapshot.schema },
      });
      if (modelMerge(files.flat(), source, definition).kind === 'ambiguous') {
        await expect(ours).rejects.toMatchObject({ code: 'MERGE_AMBIGUOUS' });
        await expect(theirs).rejects.toThrow(/MULTIPLE_SOURCE_ROW/);
      } else {
        await Promise.all([ours, theirs]);
        await allRead(table, uri, copy);
      }
      await table.close();
    },
  );
});

async function allRead(table: DeltaTable, uri: string, copy: string): Promise<void> {
  const ours = await table.checksum();
  expect(await bed.spark.checksum({ uri: copy }), 'merged by Spark').toEqual(ours);
  expect(await bed.spark.checksum({ uri }), 'read by Spark').toEqual(ours);
  // DuckDB's reader takes partition values by the names of columns, also where files have others: they are null to it.
  if (table.snapshot.metadata.configuration['delta.columnMapping.mode'] !== undefined) return;
  expect(await bed.peers.checksum({ engine: 'duckdb', uri }), 'read by DuckDB').toEqual(ours);
}

async function sparkMerges(
  uri: string,
  source: readonly ModelRow[],
  definition: ModelMerge,
): Promise<void> {
  const merge = sqlOf(definition, { table: `delta.\`${uri}\``, source: 'source' });
  await bed.spark.ask({
    op: 'program',
    source: `
rows = ${JSON.stringify(source.map(({ id, p, n }) => [id === null ? null : Number(id), p, n])).replaceAll('null', 'None')}
spark.createDataFrame(rows, "id long, p string, n int").createOrReplaceTempView("source")
spark.sql(${JSON.stringify(merge)})
`,
  });
}
