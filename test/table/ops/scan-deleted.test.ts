import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { describe, expect, test } from 'vitest';

import { literal } from '../../../src/engine/index.ts';
import type { DeletionVectorDescriptor, Protocol } from '../../../src/log/index.ts';
import { openSnapshot } from '../../../src/table/open.ts';
import { append } from '../../../src/table/ops/append.ts';
import { checksum } from '../../../src/table/ops/checksum.ts';
import { listFiles } from '../../../src/table/ops/files.ts';
import { ingest } from '../../../src/table/ops/ingest.ts';
import { inspectInputs } from '../../../src/table/ops/input.ts';
import type { InputFile } from '../../../src/table/ops/input-types.ts';
import { optimize } from '../../../src/table/ops/optimize.ts';
import { query } from '../../../src/table/ops/query.ts';
import { scanRows } from '../../../src/table/ops/scan.ts';
import { framed, inlineVector, portableVector } from '../../log/vectors.ts';
import { type EngineTable, type TableSpec, withTable } from './engine-table.ts';

const PROTOCOL: Protocol = {
  minReaderVersion: 3,
  minWriterVersion: 7,
  readerFeatures: ['deletionVectors'],
  writerFeatures: ['deletionVectors'],
};

const ROW_COUNT = 10_000;
const KEY = 'deletion_vector_00000000-0000-0000-0000-000000000000.bin';

/** One file of numbers from 0 on; the rows of several row groups. */
function spec(deletionVector: DeletionVectorDescriptor, file?: Uint8Array): TableSpec {
  return {
    ddl: 'id bigint',
    protocol: PROTOCOL,
    files: [
      {
        key: 'a.parquet',
        query: `SELECT range AS id FROM range(${String(ROW_COUNT)})`,
        stats: {
          numRecords: ROW_COUNT,
          tightBounds: false,
          minValues: { id: 0 },
          maxValues: { id: ROW_COUNT - 1 },
          nullCount: { id: 0 },
        },
        deletionVector,
      },
      { key: 'b.parquet', query: 'SELECT -1::BIGINT AS id' },
    ],
    objects: new Map(file === undefined ? [] : [[KEY, file]]),
  };
}

/** In order, which a scan does not promise. */
async function ids(table: EngineTable, where: string): Promise<readonly bigint[]> {
  const rows = await Array.fromAsync(scanRows(table.ctx, table.snapshot, { where }));
  return rows.map(({ id }) => BigInt(Number(id))).sort((left, right) => Number(left - right));
}

const FEW = [0, 4000, 9999];
const MANY = Array.from({ length: ROW_COUNT / 2 }, (_, half) => half * 2);

describe.each([
  ['few rows, inline', spec(inlineVector(portableVector(FEW, 'array'), FEW.length)), FEW],
  ['many rows, inline', spec(inlineVector(portableVector(MANY, 'runs'), MANY.length)), MANY],
  [
    'rows in a file, behind others',
    spec(
      {
        storageType: 'u',
        pathOrInlineDv: '0'.repeat(20),
        offset: 3,
        sizeInBytes: portableVector(FEW, 'array').length,
        cardinality: FEW.length,
      },
      Buffer.concat([Buffer.alloc(3, 1), framed(portableVector(FEW, 'array')), Buffer.alloc(9)]),
    ),
    FEW,
  ],
])('a vector of %s', (_case, table, deleted) => {
  test('hides its rows in scans, queries, checksums and row counts', async () => {
    await withTable('memory', table, async (opened) => {
      const { ctx, snapshot } = opened;
      const gone = new Set(deleted.map(BigInt));
      const rest = Array.from({ length: ROW_COUNT }, (_, id) => BigInt(id)).filter(
        (id) => !gone.has(id),
      );
      expect(await ids(opened, 'id >= 0')).toEqual(rest);
      expect(await ids(opened, 'id IN (0, 3, 3999, 4001, 4000)')).toEqual(
        [0n, 3n, 3999n, 4000n, 4001n].filter((id) => !gone.has(id)),
      );
      expect((await checksum(ctx, snapshot)).rowCount).toBe(rest.length + 1);
      expect([...listFiles(snapshot)][0]).toMatchObject({
        rowCount: rest.length,
        deletedCount: deleted.length,
      });
      const options = {
        database: 'd',
        find: () => Promise.resolve({ context: ctx, snapshot }),
      };
      await query(
        { engine: ctx.engine },
        'SELECT count(*) AS n FROM t',
        options,
        async (result) => {
          expect(await Array.fromAsync(result.rows)).toEqual([{ n: BigInt(rest.length + 1) }]);
        },
      );
    });
  });
});

test('of many files with vectors a query reads what is left, by one statement of bounded length', async () => {
  const fileCount = 40;
  const few = [0, 2049, 9999];
  const table: TableSpec = {
    ddl: 'p int, id bigint',
    partitionColumns: ['p'],
    protocol: PROTOCOL,
    files: Array.from({ length: fileCount }, (_, file) => ({
      key: `${String(file)}.parquet`,
      query: `SELECT range AS id FROM range(${String(ROW_COUNT)})`,
      partitionValues: { p: String(file % 3 === 0 ? 1 : 2) },
      // One file in between is whole.
      ...(file === 7
        ? {}
        : { deletionVector: inlineVector(portableVector(few, 'array'), few.length) }),
    })),
  };
  await withTable('memory', table, async ({ ctx, snapshot }) => {
    const options = { database: 'd', find: () => Promise.resolve({ context: ctx, snapshot }) };
    // Twice the same table, which has the rows to hide in two tables of the engine.
    const sql =
      'SELECT count(*) AS n, count(*) FILTER (id IN (0, 2049, 9999)) AS h, count(*) FILTER (p = 1) AS p ' +
      'FROM d.t WHERE id <= (SELECT max(id) + 1 FROM u)';
    await query({ engine: ctx.engine }, sql, options, async ({ rows }) => {
      expect(await Array.fromAsync(rows)).toEqual([
        {
          n: BigInt(fileCount * ROW_COUNT - (fileCount - 1) * few.length),
          h: BigInt(few.length),
          p: BigInt(14 * (ROW_COUNT - few.length)),
        },
      ]);
    });
  });
});

test('what writes files again leaves hidden rows behind', async () => {
  const vector = inlineVector(portableVector(FEW, 'array'), FEW.length);
  // Also where the protocol does not tell of vectors.
  const { protocol: _, ...unannounced } = spec(vector);
  for (const table of [spec(vector), unannounced]) {
    await withTable('memory', table, async ({ ctx, snapshot }) => {
      const before = await checksum(ctx, snapshot);
      const result = await optimize(ctx, snapshot);
      expect(result).toMatchObject({ filesRemoved: 2, filesAdded: 1 });
      expect(await checksum(ctx, result.snapshot)).toEqual(before);
    });
  }
});

test('rows are appended beside those that are hidden, and statistics tell no more than they did', async () => {
  const vector = inlineVector(portableVector(FEW, 'array'), FEW.length);
  await withTable('memory', spec(vector), async (table) => {
    const { ctx, snapshot } = table;
    const appended = await append(ctx, snapshot, { rows: [{ id: 4000n }, { id: 20_000n }] });
    expect(appended.kind).toBe('committed');
    const after = { ...table, snapshot: await openSnapshot(ctx) };
    expect(await ids(after, 'id IN (-1, 0, 1, 4000, 20000)')).toEqual([-1n, 1n, 4000n, 20_000n]);
    expect(new Set([...listFiles(after.snapshot)].map(({ rowCount }) => rowCount))).toEqual(
      new Set([2, ROW_COUNT - FEW.length, null]),
    );
  });
});

test('a key whose row a vector hides is new to the table, and comes in again', async () => {
  const deleted = [1];
  const vector = inlineVector(portableVector(deleted, 'array'), deleted.length);
  const table: TableSpec = {
    ...spec(vector),
    ddl: 'id string',
    files: [
      {
        key: 'a.parquet',
        query: `SELECT unnest(['a', 'b', 'c']) AS id`,
        deletionVector: vector,
      },
      { key: 'b.parquet', query: `SELECT 'd' AS id` },
    ],
  };
  await withTable('memory', table, async ({ ctx, snapshot, folder }) => {
    const session = await (await ctx.engine()).openSession({ threads: 1 });
    await mkdir(join(folder, 'in'));
    await session.run(
      `COPY (SELECT unnest(['a', 'b', 'd', 'e']) AS id) TO ${literal(join(folder, 'in', 'x.parquet'))}`,
    );
    await session.close();
    const { store, path } = await ctx.resolve(pathToFileURL(join(folder, 'in')).href);
    const files: InputFile[] = [];
    for await (const meta of store.list(path, { recursive: true })) {
      files.push({ ...meta, store, format: 'parquet' });
    }
    const inputs = await inspectInputs(ctx, files, {
      schema: snapshot.schema,
      keyColumns: ['id'],
    });
    try {
      const result = await ingest(ctx, snapshot, inputs.accepted, { dropDuplicates: ['id'] });
      expect(result).toMatchObject({ kind: 'committed', duplicateCount: 2, insertedCount: 2 });
      const rows = await Array.fromAsync(scanRows(ctx, result.snapshot));
      expect(rows).toHaveLength(5);
      expect(new Set(rows.map(({ id }) => id))).toEqual(new Set(['a', 'b', 'c', 'd', 'e']));
    } finally {
      await inputs.close();
    }
  });
});

test('a vector that is damaged or missing is an error, and no rows', async () => {
  const blob = portableVector(FEW, 'array');
  const vector: DeletionVectorDescriptor = {
    storageType: 'u',
    pathOrInlineDv: '0'.repeat(20),
    offset: 1,
    sizeInBytes: blob.length,
    cardinality: FEW.length,
  };
  const file = Buffer.concat([Buffer.alloc(1, 1), framed(blob)]);
  file[20] = (file[20] ?? 0) ^ 1;
  await withTable('memory', spec(vector, file), async (table) => {
    await expect(ids(table, 'id = 1')).rejects.toMatchObject({ code: 'DELETION_VECTOR_CORRUPT' });
  });
  await withTable('memory', spec(vector), async (table) => {
    await expect(ids(table, 'id = 1')).rejects.toMatchObject({ code: 'TABLE_FILE_MISSING' });
  });
});
