import { afterEach, describe, expect, test } from 'vitest';

import { findJob, type Job, type JobInput, runJob } from '../../src/jobs/index.ts';
import { readFooter, readRows, storeSource } from '../../src/parquet/index.ts';
import type { ObjectStore } from '../../src/store/index.ts';
import type { Assignment } from '../../src/stream/index.ts';
import { partitionLost } from '../../src/stream/kafka/errors.ts';
import { openSnapshot, readHistory, scanRows, type TableContext } from '../../src/table/index.ts';
import type { JobBench } from './bench.ts';
import { openKafkaBench, record, type Recorded, TOPIC } from './kafka-bench.ts';
import { always, pausedAt, work } from './workers-bench.ts';

const JOB = 'pedidos';
const SOURCE = { value: { format: 'json', schema: 'n LONG' }, headers: 'id STRING' } as const;
const WORKERS: Partial<JobInput> = {
  workers: {},
  dropDuplicates: { columns: ['id'], against: 'table' },
};

let bench: JobBench;
afterEach(() => bench.close());

/** Messages from `first` to `last`, whose ids are their numbers after `prefix`. */
function sent(prefix: string, first: number, last: number): Recorded[] {
  return Array.from({ length: last - first + 1 }, (_, index) => {
    const offset = first + index;
    return { offset, value: { n: offset }, headers: { id: `${prefix}${offset}` } };
  });
}

function broken(offset: number): Recorded {
  return { offset, value: 'no JSON', headers: { id: `broken${offset}` } };
}

function table(): TableContext {
  const { openStore, ...context } = bench.context();
  return { ...context, store: openStore(`file://${bench.folder}/lake/d/pedidos`) };
}

async function ids(): Promise<string[]> {
  const rows = await Array.fromAsync(scanRows(table(), await openSnapshot(table())));
  return rows.map(({ id }) => (typeof id === 'string' ? id : '')).sort();
}

/** What the table says of partitions 0, 1, … */
async function progress(count: number): Promise<(number | null)[]> {
  const { id } = JSON.parse(await bench.text('lake/_checkpoints/pedidos/metadata')) as {
    id: string;
  };
  const snapshot = await openSnapshot(table());
  return Array.from({ length: count }, (_, n) => snapshot.txnVersion(`${id}/${TOPIC}-${n}`));
}

async function letters(): Promise<Record<string, unknown[]>> {
  const store = bench.store(`file://${bench.folder}/lake/_rejected/pedidos`);
  const found: Record<string, unknown[]> = {};
  for await (const { path, sizeBytes } of store.list('', { recursive: true })) {
    const source = storeSource(store, path, { sizeBytes });
    const rows = await Array.fromAsync(readRows(source, await readFooter(source)));
    found[path] = rows.map((row) => Number((row as { offset: bigint }).offset));
  }
  return found;
}

const root = (): ObjectStore => bench.store(`file://${bench.folder}`);
const isCommit = (path: string): boolean => /_delta_log\/\d{20}\.json$/.test(path);
const isRowsCommit = (path: string): boolean => isCommit(path) && !path.endsWith('0.json');
const isLetter = (path: string): boolean => path.includes('_rejected/');

describe('a job with workers', () => {
  test('keeps its progress in the table, and only what is written once in the checkpoint', async () => {
    bench = await openKafkaBench(SOURCE, WORKERS);
    await record(bench, sent('a', 0, 4));
    await record(bench, sent('b', 0, 2), { partition: 1 });
    expect(await bench.run(JOB)).toMatchObject({ inserted: 8, batches: 1, rowsIn: 8 });
    expect(await progress(3)).toEqual([5, 3, null]);
    expect(await bench.run(JOB)).toMatchObject({ inserted: 0, batches: 0 });
    await record(bench, sent('a', 0, 6));
    // A partition that is new begins at its first message.
    await record(bench, sent('c', 3, 3), { partition: 2 });
    await expect(bench.run(JOB)).rejects.toMatchObject({ code: 'KAFKA_OFFSETS_LOST' });
    await record(bench, sent('c', 0, 3), { partition: 2 });
    expect(await bench.run(JOB)).toMatchObject({ inserted: 6 });
    expect(await progress(3)).toEqual([7, 3, 4]);
    expect(await bench.names('lake/_checkpoints/pedidos')).toEqual([
      'metadata',
      'sources',
      'table.json',
    ]);
    const [last] = await readHistory(table(), { limit: 1 });
    expect(last?.commitInfo['deltawrightBatch']).toMatchObject({
      job: JOB,
      ranges: { [TOPIC]: { 0: [5, 7], 2: [0, 4] } },
    });
  });

  test('shares its partitions, and each key enters once', async () => {
    bench = await openKafkaBench({ ...SOURCE, maxOffsetsPerBatch: 3 }, WORKERS);
    await record(bench, sent('a', 0, 9));
    await record(bench, [...sent('b', 0, 4), ...sent('a', 5, 9)], { partition: 1 });
    await Promise.all([
      work(bench, JOB, { assignment: always(TOPIC, [0]) }),
      work(bench, JOB, { assignment: always(TOPIC, [1]) }),
    ]);
    expect(await ids()).toEqual(
      [...sent('a', 0, 9), ...sent('b', 0, 4)].map((it) => it.headers?.['id']),
    );
    expect(await progress(2)).toEqual([10, 10]);
  });

  test('keys of a worker that commits first are dropped by the other before it does', async () => {
    bench = await openKafkaBench(SOURCE, WORKERS);
    await record(bench, sent('a', 0, 3));
    await record(
      bench,
      sent('a', 2, 3).map((it, offset) => ({ ...it, offset })),
      { partition: 1 },
    );
    const other = (): Promise<unknown> => work(bench, JOB, { assignment: always(TOPIC, [1]) });
    const store = pausedAt(root(), isRowsCommit, other);
    const result = await work(bench, JOB, { assignment: always(TOPIC, [0]), root: store });
    expect(result).toMatchObject({ inserted: 2, duplicates: 2, batches: 1 });
    expect(await ids()).toEqual(['a0', 'a1', 'a2', 'a3']);
    expect(await progress(2)).toEqual([4, 2]);
  });

  test.each([
    ['after its snapshot', isRowsCommit],
    ['before it', isLetter],
  ])('a range that another takes %s is refused, and what is left is taken', async (_, isIt) => {
    bench = await openKafkaBench({ ...SOURCE, maxOffsetsPerBatch: 4 }, { workers: {} });
    await record(bench, [broken(0), ...sent('a', 1, 5)]);
    const other = async (): Promise<void> => {
      const stop = AbortSignal.abort(new Error('one batch is enough'));
      expect(await work(bench, JOB, { assignment: always(TOPIC, [0]), stop })).toMatchObject({
        batches: 1,
        inserted: 3,
      });
    };
    const store = pausedAt(root(), isIt, other);
    const result = await work(bench, JOB, { assignment: always(TOPIC, [0]), root: store });
    expect(result).toMatchObject({ batches: 1, inserted: 2, rejectedRows: 0 });
    expect(await ids()).toEqual(['a1', 'a2', 'a3', 'a4', 'a5']);
    expect(await progress(1)).toEqual([6]);
    expect(Object.values(await letters()).flat()).toEqual([0]);
  });

  test('a batch whose partition is lost while it is read is dropped', async () => {
    bench = await openKafkaBench(SOURCE, { workers: {} });
    await record(bench, [broken(0), ...sent('a', 1, 3)]);
    await record(bench, sent('b', 0, 1), { partition: 1 });
    const lost = new AbortController();
    const before = always(TOPIC, [0, 1], lost.signal);
    const after = always(TOPIC, [1]);
    const lose = async (): Promise<void> => {
      lost.abort(partitionLost(TOPIC, 0));
      return Promise.resolve();
    };
    const store = pausedAt(root(), isLetter, lose);
    const assignment = (): Assignment => (lost.signal.aborted ? after() : before());
    const result = await work(bench, JOB, { assignment, root: store });
    expect(result).toMatchObject({ batches: 1, inserted: 2 });
    expect(await progress(2)).toEqual([null, 2]);
  });

  test('a batch without rows moves the progress on once there is a table', async () => {
    bench = await openKafkaBench({ ...SOURCE, maxOffsetsPerBatch: 1 }, { workers: {} });
    await record(bench, [broken(0)]);
    expect(await bench.run(JOB)).toMatchObject({ version: null, rejectedRows: 1 });
    await record(bench, [broken(0), ...sent('a', 1, 1), broken(2)]);
    expect(await bench.run(JOB)).toMatchObject({ inserted: 1, rejectedRows: 2 });
    expect(await progress(1)).toEqual([3]);
    expect(await bench.run(JOB)).toMatchObject({ batches: 0 });
  });

  test('what a worker that was killed left of dead letters is not there twice', async () => {
    bench = await openKafkaBench(SOURCE, { workers: {} });
    await record(bench, [broken(0), ...sent('a', 1, 2)]);
    const dies = pausedAt(root(), isCommit, () => Promise.reject(new Error('killed')));
    await expect(work(bench, JOB, { assignment: always(TOPIC, [0]), root: dies })).rejects.toThrow(
      'killed',
    );
    await record(bench, [broken(0), ...sent('a', 1, 2), broken(3)]);
    await work(bench, JOB, { assignment: always(TOPIC, [0]) });
    const file = `${TOPIC}-0/00000000000000000000-00000000000000000004.parquet`;
    expect(await letters()).toEqual({ [file]: [0, 3] });
  });
});

describe('a checkpoint', () => {
  test('of workers is not for one run, nor the other way round', async () => {
    bench = await openKafkaBench(SOURCE, { workers: {} });
    await record(bench, sent('a', 0, 1));
    await bench.run(JOB);
    const { workers, ...alone } = job();
    expect(workers).toEqual({ group: null });
    await expect(runAs({ ...alone, workers: null })).rejects.toMatchObject({
      code: 'JOB_CHECKPOINT_TAKEN',
    });
    await bench.remove('lake');
    await runAs({ ...alone, workers: null });
    await expect(bench.run(JOB)).rejects.toMatchObject({ code: 'JOB_CHECKPOINT_TAKEN' });
  });

  test('is no use where the table forgets progress', async () => {
    const properties = { 'delta.setTransactionRetentionDuration': 'interval 7 days' };
    const sink = { kind: 'append', table: 'pedidos', schema: 'id STRING', properties } as const;
    bench = await openKafkaBench(SOURCE, { workers: {}, sink });
    await record(bench, sent('a', 0, 1));
    await expect(bench.run(JOB)).rejects.toMatchObject({ code: 'JOB_TABLE_MISMATCH' });
  });
});

function job(): Job {
  return findJob(bench.config, JOB);
}

async function runAs(changed: Job): Promise<unknown> {
  const config = { ...bench.config, jobs: new Map([[JOB, changed]]) };
  return runJob(config, JOB, bench.context());
}
