import { expect, test } from 'vitest';

import type { Protocol } from '../../../src/log/index.ts';
import { parseDdl, type StructType } from '../../../src/schema/index.ts';
import { checksum } from '../../../src/table/ops/checksum.ts';
import { query } from '../../../src/table/ops/query.ts';
import { scanRows } from '../../../src/table/ops/scan.ts';
import { inlineVector, portableVector } from '../../log/vectors.ts';
import { type TableSpec, withTable } from './engine-table.ts';

const FEATURES = ['variantType', 'variantShredding-preview', 'deletionVectors'];
const PROTOCOL: Protocol = {
  minReaderVersion: 3,
  minWriterVersion: 7,
  readerFeatures: FEATURES,
  writerFeatures: FEATURES,
};

const [v, l] = parseDdl('v string, l array<struct<n:int,v:string>>').fields.map((field) => field);
const SCHEMA = JSON.parse(
  JSON.stringify({ kind: 'struct', fields: [...parseDdl('id bigint').fields, v, l] }).replaceAll(
    '"name":"string"',
    '"name":"variant"',
  ),
) as StructType;

const EMPTY = "unhex('010000')";
/** An object `{"a":…,"b":…}` of which `a` has a column of its own. */
const SHREDDED =
  `{'metadata': unhex('0101000162'), 'value': unhex('0201000002' || '0c07'), ` +
  `'typed_value': {'a': {'value': NULL::BLOB, 'typed_value': 300::BIGINT}}}`;

const TABLE: TableSpec = {
  ddl: '',
  schema: SCHEMA,
  protocol: PROTOCOL,
  files: [
    {
      key: 'plain.parquet',
      query:
        `SELECT range AS id, {'metadata': ${EMPTY}, 'value': unhex('0c' || printf('%02x', range))} AS v, ` +
        `[{'n': 5, 'v': {'metadata': ${EMPTY}, 'value': unhex('04')}}] AS l FROM range(3)`,
      deletionVector: inlineVector(portableVector([1], 'array'), 1),
    },
    { key: 'shredded.parquet', query: `SELECT 9::BIGINT AS id, ${SHREDDED} AS v` },
    { key: 'older.parquet', query: 'SELECT 10::BIGINT AS id' },
  ],
};

test('variants are JSON in rows and queries, however files hold them', async () => {
  await withTable('memory', TABLE, async ({ ctx, snapshot }) => {
    expect(await Array.fromAsync(scanRows(ctx, snapshot))).toEqual([
      { id: 0n, v: '0', l: [{ n: 5, v: 'true' }] },
      { id: 2n, v: '2', l: [{ n: 5, v: 'true' }] },
      { id: 9n, v: '{"a":300,"b":7}', l: null },
      { id: 10n, v: null, l: null },
    ]);
    const some = { columns: ['v'], where: 'id = 9 AND v IS NOT NULL' };
    expect(await Array.fromAsync(scanRows(ctx, snapshot, some))).toEqual([
      { v: '{"a":300,"b":7}' },
    ]);
    const options = { database: 'd', find: () => Promise.resolve({ context: ctx, snapshot }) };
    const sql = `SELECT v ->> '$.b' AS b FROM t WHERE id = 9`;
    await query({ engine: ctx.engine }, sql, options, async ({ rows }) => {
      expect(await Array.fromAsync(rows)).toEqual([{ b: '7' }]);
    });
    expect((await checksum(ctx, snapshot)).rowCount).toBe(4);
  });
});

test('what Spark does not compare or cast alike is refused', async () => {
  await withTable('memory', TABLE, async ({ ctx, snapshot }) => {
    for (const where of ["v = 'x'", "CAST(v AS STRING) = '0'"]) {
      const rows = Array.fromAsync(scanRows(ctx, snapshot, { where }));
      await expect(rows).rejects.toMatchObject({ code: 'EXPRESSION_TYPE' });
    }
  });
});

test('bytes that are no variant are an error', async () => {
  const broken = `SELECT 1::BIGINT AS id, {'metadata': ${EMPTY}, 'value': unhex('10')} AS v`;
  const table = { ...TABLE, files: [{ key: 'a.parquet', query: broken }] };
  await withTable('memory', table, async ({ ctx, snapshot }) => {
    const rows = Array.fromAsync(scanRows(ctx, snapshot));
    await expect(rows).rejects.toMatchObject({ code: 'VARIANT_CORRUPT' });
  });
});
