/** Several processes that run one job, killed, stopped and joining, on a real broker: every row once. */

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { systemClock, systemRandom } from '../../src/base/index.ts';
import { openTable } from '../../src/index.ts';
import type { ConfigInput } from '../../src/jobs/index.ts';
import { readFooter, readRows, storeSource } from '../../src/parquet/index.ts';
import { localStore } from '../../src/store/index.ts';
import { KafkaBed, produced } from './kafka-bed.ts';

const MAIN = new URL('../../src/cli/main.ts', import.meta.url).pathname;
const PARTITIONS = 6;
const EVENTS = 30_000;
/** Of the events, every so many comes again later, in another partition, and another one is broken. */
const DUPLICATE_EVERY = 25;
const BROKEN_EVERY = 1000;

const bed = new KafkaBed();
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'workers-'));
  await bed.admin.connect();
});
afterAll(async () => {
  await bed.admin.disconnect();
  await rm(folder, { recursive: true, force: true });
});

class WorkerProcess {
  readonly ended: Promise<number | NodeJS.Signals | null>;
  readonly #child: ChildProcess;
  output = '';

  constructor() {
    const words = [MAIN, 'run', 'eventos', '--every', '0.2'];
    const config = ['--config', join(folder, 'deltawright.config.ts')];
    this.#child = spawn(process.execPath, [...words, ...config], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const take = (bytes: Buffer): void => {
      this.output += bytes.toString();
    };
    this.#child.stdout?.on('data', take);
    this.#child.stderr?.on('data', take);
    this.ended = new Promise((resolve) => {
      this.#child.on('close', (code, signal) => resolve(signal ?? code));
    });
  }

  end(signal: NodeJS.Signals): Promise<number | NodeJS.Signals | null> {
    this.#child.kill(signal);
    return this.ended;
  }

  get batches(): number {
    return this.output.split('"msg":"batch"').length - 1;
  }
}

/** Returns once it holds; with what the workers said where it does not in time. */
async function until(
  workers: readonly WorkerProcess[],
  holds: () => boolean | Promise<boolean>,
): Promise<void> {
  const endMs = systemClock.now() + 120_000;
  while (!(await holds())) {
    if (systemClock.now() > endMs) {
      throw new Error(
        `not in time: ${workers.map(({ output }) => output.slice(-2000)).join('\n')}`,
      );
    }
    await systemClock.sleep(100);
  }
}

async function produceEvents(topic: string): Promise<{ ids: Set<string>; broken: Set<string> }> {
  const broker = await bed.open();
  const producer = await broker.producer();
  const ids = new Set<string>();
  const broken = new Set<string>();
  const ends = Array.from({ length: PARTITIONS }, () => 0);
  const records = Array.from({ length: EVENTS }, (_, n) => {
    const id = n % DUPLICATE_EVERY === 0 ? `e${n >> 1}` : `e${n}`;
    const partition = n % PARTITIONS;
    const isBroken = n % BROKEN_EVERY === 7;
    const offset = ends[partition] ?? 0;
    ends[partition] = offset + 1;
    if (isBroken) broken.add(`${partition}/${offset}`);
    else ids.add(id);
    const headers = [['id', Buffer.from(id)] as const];
    return produced(isBroken ? 'broken' : JSON.stringify({ n }), { headers, partition });
  });
  await producer.send(topic, records);
  await producer.close();
  await broker.close();
  return { ids, broken };
}

async function deadLetters(): Promise<string[]> {
  const root = join(folder, 'lake/_rejected/eventos');
  const store = localStore(root, { clock: systemClock, random: systemRandom });
  const found: string[] = [];
  for await (const { path, sizeBytes } of store.list('', { recursive: true })) {
    const source = storeSource(store, path, { sizeBytes });
    for await (const row of readRows(source, await readFooter(source))) {
      found.push(`${String(row['partition'])}/${String(row['offset'])}`);
    }
  }
  return found;
}

test('workers that are killed, stopped and joining take every event once', async () => {
  const topic = await bed.topic(PARTITIONS);
  const config: ConfigInput = {
    lake: { location: 'lake' },
    database: 'd',
    kafka: { brokers: [...bed.brokers] },
    jobs: {
      eventos: {
        workers: {},
        source: {
          kind: 'kafka',
          topics: [topic],
          headers: 'id STRING',
          value: { format: 'json', schema: 'n LONG' },
          maxOffsetsPerBatch: 400,
        },
        dropDuplicates: { columns: ['id'], against: 'table' },
        sink: { kind: 'append', table: 'eventos' },
      },
    },
  };
  await writeFile(
    join(folder, 'deltawright.config.ts'),
    `export default ${JSON.stringify(config)};\n`,
  );
  const { ids, broken } = await produceEvents(topic);
  const a = new WorkerProcess();
  const b = new WorkerProcess();
  const c = new WorkerProcess();
  await until([a, b, c], () => a.batches > 2 && b.batches > 2 && c.batches > 2);
  expect(await a.end('SIGKILL')).toBe('SIGKILL');
  const d = new WorkerProcess();
  await until([b, c, d], () => d.batches > 1);
  expect(await b.end('SIGTERM')).toBe(0);

  const { id } = JSON.parse(
    await readFile(join(folder, 'lake/_checkpoints/eventos/metadata'), 'utf8'),
  ) as { id: string };
  const table = await openTable(pathToFileURL(join(folder, 'lake/d/eventos')).href);
  await until([c, d], async () => {
    await table.refresh();
    const partitions = Array.from({ length: PARTITIONS }, (_, n) => n);
    const offsets = partitions.map((n) => table.snapshot.txnVersion(`${id}/${topic}-${n}`) ?? 0);
    return offsets.reduce((sum, offset) => sum + offset, 0) === EVENTS;
  });
  expect([await c.end('SIGTERM'), await d.end('SIGTERM')]).toEqual([0, 0]);
  const rows = await Array.fromAsync(table.scan({ columns: ['id'] }));
  expect(rows).toHaveLength(ids.size);
  expect(new Set(rows.map((row) => row['id']))).toEqual(ids);
  const letters = await deadLetters();
  expect(new Set(letters)).toEqual(broken);
  expect(letters).toHaveLength(broken.size);
});
