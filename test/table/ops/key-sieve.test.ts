import { array, assert, asyncProperty, constantFrom, nat, oneof } from 'fast-check';
import { expect, test } from 'vitest';

import { present } from '../../../src/base/index.ts';
import { memorySource, readFooter } from '../../../src/parquet/index.ts';
import { parseDdl } from '../../../src/schema/index.ts';
import { append } from '../../../src/table/ops/append.ts';
import { ingest, type IngestResult } from '../../../src/table/ops/ingest.ts';
import { inspectInputs } from '../../../src/table/ops/input.ts';
import { KeySieve } from '../../../src/table/ops/key-sieve.ts';
import type { Snapshot } from '../../../src/table/types.ts';
import { type Bench, rowsOf, tableOf, withBench } from './write-table.ts';

const NO_ENGINE = 'the engine was asked for';

interface Taken {
  readonly prefix: string;
  readonly ddl?: string;
  readonly keys?: readonly string[];
}

/** Takes the files whose names start so, where there is no engine. */
async function takeWithoutEngine(
  bench: Bench,
  snapshot: Snapshot,
  { prefix, ddl = 'id string, n bigint', keys = ['id'] }: Taken,
): Promise<IngestResult> {
  const files = (await bench.inputs()).filter(({ path }) => path.startsWith(prefix));
  const schema = parseDdl(ddl);
  const inspected = await inspectInputs(bench.ctx, files, { schema, keyColumns: keys });
  const ctx = { ...bench.ctx, engine: () => Promise.reject(new Error(NO_ENGINE)) };
  try {
    return await ingest(ctx, snapshot, inspected.accepted, { dropDuplicates: keys });
  } finally {
    await inspected.close();
  }
}

async function take(bench: Bench, snapshot: Snapshot, prefix: string): Promise<IngestResult> {
  const files = (await bench.inputs()).filter(({ path }) => path.startsWith(prefix));
  const schema = parseDdl('id string, n bigint');
  const inspected = await inspectInputs(bench.ctx, files, { schema, keyColumns: ['id'] });
  try {
    return await ingest(bench.ctx, snapshot, inspected.accepted, { dropDuplicates: ['id'] });
  } finally {
    await inspected.close();
  }
}

function values(...ids: readonly (string | number)[]): string {
  const list = ids.map((id) => `(${typeof id === 'string' ? `'${id}'` : id}, 1::BIGINT)`);
  return `SELECT * FROM (VALUES ${list.join(', ')}) AS v(id, n)`;
}

test('a small batch without duplicates enters without the engine, also after others', async () => {
  await withBench('memory', async (bench) => {
    await bench.parquet('1-a.parquet', values('b', 'd'));
    await bench.parquet('1-b.parquet', values('f'));
    await bench.parquet('2.parquet', values('a', 'c', 'é'), ', CODEC zstd');
    const start = await tableOf(bench, 'id string, n bigint');
    const first = await takeWithoutEngine(bench, start, { prefix: '1' });
    await append(bench.ctx, first.snapshot, { rows: [{ id: 'e', n: 2 }] });
    // From the old snapshot: the rows of the other commit are looked through before this one goes in.
    const second = await takeWithoutEngine(bench, first.snapshot, { prefix: '2' });
    expect(second).toMatchObject({ kind: 'committed', insertedCount: 3, duplicateCount: 0 });
    const ids = (await rowsOf(bench, second.snapshot)).map(({ id }) => id);
    expect(ids).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'é']);
  });
});

test('binary keys are looked for by their bytes', async () => {
  await withBench('memory', async (bench) => {
    const blobs = (...bytes: readonly string[]): string =>
      `SELECT unnest([${bytes.map((it) => `'${it}'::BLOB`).join(', ')}]) AS id, 1::BIGINT AS n`;
    const ddl = 'id binary, n bigint';
    await bench.parquet('1.parquet', blobs('\\x00\\xFF', '\\xFF'));
    await bench.parquet('2.parquet', blobs('\\x00', ''));
    const start = await tableOf(bench, ddl);
    const { snapshot } = await takeWithoutEngine(bench, start, { prefix: '1', ddl });
    const second = await takeWithoutEngine(bench, snapshot, { prefix: '2', ddl });
    expect(second).toMatchObject({ insertedCount: 2 });
    const again = await takeWithoutEngine(bench, second.snapshot, { prefix: '1', ddl });
    expect(again).toMatchObject({ kind: 'unchanged', insertedCount: 0, duplicateCount: 2 });
  });
});

test('rows whose keys all are in the table, or came before, need no engine', async () => {
  await withBench('memory', async (bench) => {
    await bench.parquet('1-a.parquet', values('b', 'd'));
    await bench.parquet('1-b.parquet', values('f'));
    await bench.parquet('2-a.parquet', values('f', 'b'));
    await bench.parquet('2-b.parquet', values('g'));
    await bench.parquet('2-c.parquet', values('g', 'd', 'g'));
    const start = await tableOf(bench, 'id string, n bigint');
    const first = await takeWithoutEngine(bench, start, { prefix: '1' });
    // From the old snapshot: what the other commit brought is a duplicate as well.
    await append(bench.ctx, first.snapshot, { rows: [{ id: 'g', n: 2 }] });
    const second = await takeWithoutEngine(bench, first.snapshot, { prefix: '2' });
    expect(second).toMatchObject({ kind: 'unchanged', insertedCount: 0, duplicateCount: 6 });
  });
});

test('what is left of files with duplicates is what the engine would leave, whatever files are like', async () => {
  const id = oneof(constantFrom('ção', 'x'), nat({ max: 30 }).map(String));
  const rows = array(id, { minLength: 1, maxLength: 12 });
  await assert(
    asyncProperty(
      array(rows, { minLength: 1, maxLength: 3 }),
      array(rows, { minLength: 1, maxLength: 3 }),
      constantFrom('snappy', 'zstd'),
      async (before, after, codec) => {
        await withBench('memory', async (bench) => {
          let snapshot = await tableOf(bench, 'id string, n bigint');
          const kept = new Map<string, number>();
          let droppedCount = 0;
          let n = 0;
          for (const [round, files] of [before, after].entries()) {
            const duplicatesBefore = droppedCount;
            for (const [number, ids] of files.entries()) {
              const some = ids.map((text) => {
                n += 1;
                if (kept.has(text)) droppedCount += 1;
                else kept.set(text, n);
                return `('${text}', ${String(n)}::BIGINT)`;
              });
              const select = `SELECT * FROM (VALUES ${some.join(', ')}) AS v(id, n)`;
              await bench.parquet(`${round}-${number}.parquet`, select, `, CODEC ${codec}`);
            }
            const result = await take(bench, snapshot, String(round));
            expect(result.duplicateCount).toBe(droppedCount - duplicatesBefore);
            snapshot = result.snapshot;
          }
          const found = (await rowsOf(bench, snapshot)).map(
            (row) => [row['id'], Number(row['n'])] as const,
          );
          expect(new Map<unknown, number>(found)).toEqual(kept);
          expect(found).toHaveLength(kept.size);
        });
      },
    ),
    { numRuns: 15 },
  );
});

test.each([
  ['a key that comes twice', values('x', 'y', 'x'), {}],
  ['a key that the table has', values('x', 'old'), {}],
  ['an empty key', values('x', ''), {}],
  ['several key columns', values('x', 'y'), { keys: ['id', 'n'] }],
  ['rows that must be encoded', `SELECT id, 1::UTINYINT AS n FROM (${values('x')})`, {}],
])('the engine looks at %s', async (_case, select, options) => {
  await withBench('memory', async (bench) => {
    await bench.parquet('1.parquet', values('old'));
    await bench.parquet('2.parquet', select);
    const start = await tableOf(bench, 'id string, n bigint');
    const { snapshot } = await takeWithoutEngine(bench, start, { prefix: '1' });
    const taken = takeWithoutEngine(bench, snapshot, { prefix: '2', ...options });
    await expect(taken).rejects.toThrow(NO_ENGINE);
  });
});

test('texts that are none are left to the engine, which says so', async () => {
  await withBench('memory', async (bench) => {
    await bench.parquet('1.parquet', values('key'), ', CODEC uncompressed');
    const [file] = await bench.inputs();
    const { store, path, sizeBytes } = present(file, 'the input');
    const bytes = Buffer.from(await store.getRange(path, { start: 0, end: sizeBytes }));
    const footer = await readFooter(memorySource(path, bytes));
    const keys = parseDdl('id string').fields;
    const read = async (): Promise<KeySieve | null> => {
      await store.put(path, bytes, { kind: 'overwrite' });
      const input = { ...present(file, 'the input'), footer, badKeyCount: 0 };
      return KeySieve.read([{ ...input, file: input, parquet: input }], keys);
    };
    expect(await read()).not.toBeNull();
    bytes[bytes.indexOf('key')] = 0xff;
    expect(await read()).toBeNull();
  });
});
