/** Workers that overlap, as zombies do, and die at any write: in the end every row once. */

import { expect, test } from 'vitest';

import { isDeltaError, ManualClock, type Random, seededRandom } from '../../src/base/index.ts';
import type { JobInput } from '../../src/jobs/index.ts';
import { readFooter, readRows, storeSource } from '../../src/parquet/index.ts';
import { crashAtWrite, faultyStore, type ObjectStore } from '../../src/store/index.ts';
import { openSnapshot, scanRows } from '../../src/table/index.ts';
import type { JobBench } from './bench.ts';
import { openKafkaBench, record, type Recorded, TOPIC } from './kafka-bench.ts';
import { always, work } from './workers-bench.ts';

const PARTITIONS = [0, 1, 2];
const MESSAGES = 40;
const ROUNDS = 6;
/** More writes than the batches of a worker make. */
const WRITES_MAX = 40;
/** Ids that are there in two partitions. */
const SHARED_EVERY = 5;
const BROKEN_EVERY = 9;

const DROPS: Partial<JobInput> = { dropDuplicates: { columns: ['id'], against: 'table' } };

/** Counts what came of each id: a batch that goes in twice, or not, is seen in the sum. */
const COUNTS: Partial<JobInput> = {
  transform: { select: ['id', 'count(*) AS times'], groupBy: ['id'] },
  sink: {
    kind: 'merge',
    table: 'pedidos',
    schema: 'id STRING, times LONG',
    on: 't.id = s.id',
    whenMatched: [{ update: { times: 't.times + s.times' } }],
    whenNotMatched: [{ insert: '*' }],
  },
};

function messages(partition: number): Recorded[] {
  return Array.from({ length: MESSAGES }, (_, offset) => {
    const id = offset % SHARED_EVERY === 0 ? `shared-${offset}` : `${partition}-${offset}`;
    const value = offset % BROKEN_EVERY === 4 ? 'broken' : { n: offset };
    return { offset, value, headers: { id } };
  });
}

const isBroken = ({ value }: Recorded): boolean => value === 'broken';

function chosen(random: Random): number[] {
  return PARTITIONS.filter(() => random.float() < 0.6);
}

/** A worker on a disk that dies under it, mostly. */
async function live(bench: JobBench, random: Random): Promise<void> {
  const disk = faultyStore(bench.store(`file://${bench.folder}`), {
    clock: new ManualClock(),
    plan: crashAtWrite(
      Math.floor(random.float() * WRITES_MAX),
      random.float() < 0.5 ? 'crash' : 'crash-after',
    ),
  });
  try {
    await work(bench, 'pedidos', { assignment: always(TOPIC, chosen(random)), root: disk });
  } catch (error) {
    if (!isDeltaError(error, 'STORE_CRASHED')) throw error;
  }
}

/** The ids of the table; one that was merged comes as often as it was counted. */
async function tableIds(bench: JobBench): Promise<string[]> {
  const { openStore, ...context } = bench.context();
  const table = { ...context, store: openStore(`file://${bench.folder}/lake/d/pedidos`) };
  const rows = await Array.fromAsync(scanRows(table, await openSnapshot(table)));
  return rows
    .flatMap(({ id, times = 1 }) =>
      Array<string>(Number(times)).fill(typeof id === 'string' ? id : ''),
    )
    .sort();
}

async function letterPlaces(store: ObjectStore): Promise<Set<string>> {
  const places = new Set<string>();
  for await (const { path, sizeBytes } of store.list('', { recursive: true })) {
    const source = storeSource(store, path, { sizeBytes });
    for await (const row of readRows(source, await readFooter(source))) {
      places.add(`${String(row['partition'])}/${String(row['offset'])}`);
    }
  }
  return places;
}

test.each([
  ['every row', 1, null],
  ['every row', 2, null],
  ['each key', 3, DROPS],
  ['every row into a merge', 4, COUNTS],
  ['every row into a merge', 5, COUNTS],
] as const)('workers that overlap and die take %s once (seed %i)', async (_, seed, parts) => {
  const random = seededRandom(seed);
  const bench = await openKafkaBench(
    {
      value: { format: 'json', schema: 'n LONG' },
      headers: 'id STRING',
      maxOffsetsPerBatch: 4 + Math.floor(random.float() * 8),
    },
    { workers: {}, ...parts },
  );
  try {
    for (const partition of PARTITIONS) await record(bench, messages(partition), { partition });
    for (let round = 0; round < ROUNDS; round += 1) {
      await Promise.all([live(bench, random), live(bench, random), live(bench, random)]);
    }
    await bench.run('pedidos');
    const all = PARTITIONS.flatMap((partition) =>
      messages(partition).map((message) => ({ message, partition })),
    );
    const ids = all
      .filter(({ message }) => !isBroken(message))
      .map(({ message }) => message.headers?.['id'] ?? '');
    const expected = parts === DROPS ? [...new Set(ids)] : ids;
    expect(await tableIds(bench)).toEqual(expected.sort());
    const broken = all.filter(({ message }) => isBroken(message));
    const places = broken.map(({ message, partition }) => `${partition}/${message.offset}`);
    const letters = bench.store(`file://${bench.folder}/lake/_rejected/pedidos`);
    expect(await letterPlaces(letters)).toEqual(new Set(places));
  } finally {
    await bench.close();
  }
});
