/**
 * Sends events of *e-Financeira* to a real broker, among them duplicates, late and broken ones, while three workers of one job take
 * them into one Delta table, each killed with SIGKILL at random moments, stopped by SIGTERM now and then, and started again; a
 * fourth joins half-way. Then: the table equals a recount from the seed, and the rejected messages are the broken ones.
 *
 *   node scripts/prove/trabalhadores.ts [--count 1000000] [--kills 30] [--seed 1]
 *
 * `--kills` is how often each worker is killed.
 */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

import { openTable } from 'deltawright';

import { seededRandom, systemClock, systemRandom } from '../../src/base/index.ts';
import { openBroker } from '../../src/stream/kafka/index.ts';
import { EVENT_SCHEMAS, SUBJECT, TOPIC } from '../e-financeira/encode.ts';
import { generate, type GenerateOptions } from '../e-financeira/events.ts';
import { createTopic, registerSchema, sendAll } from '../e-financeira/live.ts';
import { recount, reportOf } from '../e-financeira/recount.ts';
import { Bed } from './bed.ts';
import { HarriedJob, until } from './job-process.ts';
import { checkDeadLetters, checkDetail } from './judge-eventos.ts';

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '1000000' },
    kills: { type: 'string', default: '30' },
    seed: { type: 'string', default: '1' },
  },
});
const count = Number(values.count);
const kills = Number(values.kills);
const seed = Number(values.seed);

/** Rejected messages are looked for under this name. */
const JOB = 'capturar-eventos';
const WORKERS = 3;
const PARTITIONS = 6;
const COMPANIES = 200;
const SPAN_SECONDS = 2 * 86_400;
/** Small enough for many commits of all workers at once. */
const OFFSETS_PER_BATCH = 10_000;
const PORTIONS = 40;
const LOOK_MS = 500;

const HEADERS = [
  'specversion STRING',
  'type STRING',
  'source STRING',
  'id STRING',
  'time TIMESTAMP',
  'messageversion STRING',
  'eventversion STRING',
  'transactionid STRING',
  'correlationid STRING',
  'datacontenttype STRING',
];

const random = seededRandom(seed);
const bed = await Bed.start('trabalhadores');
const { folder, lake } = bed;
await bed.during(prove);

async function prove(): Promise<void> {
  const schemaIds = [
    await registerSchema(bed.registry, SUBJECT, EVENT_SCHEMAS[0]),
    await registerSchema(bed.registry, SUBJECT, EVENT_SCHEMAS[1]),
  ] as const;
  await createTopic([bed.brokers], { topic: TOPIC, partitionCount: PARTITIONS });
  const plan: GenerateOptions = {
    seed,
    count,
    companies: COMPANIES,
    partitions: PARTITIONS,
    startMs: Date.UTC(2026, 10, 20, 9),
    ratePerSecond: count / SPAN_SECONDS,
    schemaIds,
  };
  const config = writeConfig();
  const newWorker = (): HarriedJob => {
    const ordeal = { lake, env: {}, allowed: new Set<string>(), config };
    return new HarriedJob(JOB, kills, { ...ordeal, chance: () => random.float() });
  };
  const workers = Array.from({ length: WORKERS }, newWorker);
  const running = workers.map((worker) => worker.run());
  const begin = Date.now();
  const broken = Promise.race(running);
  await Promise.race([broken, sendWhileKilled(plan, workers)]);
  const late = newWorker();
  workers.push(late);
  running.push(late.run());
  await Promise.race([Promise.race(running), until(() => workers.every((it) => it.isThrough))]);
  await Promise.race([Promise.race(running), isTaken()]);
  await Promise.all(workers.map((worker) => worker.end()));
  await Promise.all(running);
  const seconds = (Date.now() - begin) / 1000;

  const counted = recount(generate(plan), { partitionCount: PARTITIONS });
  const report = reportOf([...counted.detail.values()].map(({ event }) => event));
  const expected = { detail: counted.detail, report, deadLetters: counted.deadLetters };
  const detail = await checkDetail(lake, expected);
  const rejected = await checkDeadLetters(lake, expected);
  const lives = workers.map(({ killed, stopped }) => `${killed} + ${stopped}`).join(', ');
  console.log(
    [
      `${count} messages, seed ${seed}, ${workers.length} workers: ${seconds.toFixed(0)} s; killed + stopped in good order: ${lives} times`,
      `  ${detail} events once each in the table, ${rejected} broken messages rejected`,
    ].join('\n'),
  );
}

function writeConfig(): string {
  const names = HEADERS.map((header) => header.split(' ')[0] ?? '');
  const config = {
    lake: { location: lake },
    database: 'e_financeira',
    kafka: { brokers: bed.brokers },
    registry: { url: bed.registry },
    jobs: {
      [JOB]: {
        workers: {},
        source: {
          kind: 'kafka',
          topics: [TOPIC],
          value: { format: 'avro' },
          headers: HEADERS.join(', '),
          dateFrom: 'time',
          tombstones: 'reject',
          maxOffsetsPerBatch: OFFSETS_PER_BATCH,
        },
        keys: ['id', 'time'],
        dropDuplicates: { columns: ['id'], against: 'table' },
        transform: {
          select: ['date', 'topic', 'partition', 'offset', 'timestamp', ...names, 'payload.*'],
        },
        sink: {
          kind: 'append',
          table: 'evento_transmitido',
          partitionBy: ['date'],
          evolve: 'add',
        },
      },
    },
  };
  const file = join(folder, 'deltawright.config.ts');
  writeFileSync(file, `export default ${JSON.stringify(config)};\n`);
  return file;
}

/** Sends all events, in step with the kills. */
async function sendWhileKilled(
  plan: GenerateOptions,
  workers: readonly HarriedJob[],
): Promise<void> {
  const tools = { clock: systemClock, random: systemRandom };
  const broker = await openBroker({ brokers: [bed.brokers] }, tools);
  const producer = await broker.producer();
  const messages = [...generate(plan)];
  for (let portion = 0; portion < PORTIONS; portion += 1) {
    const due = Math.floor((portion / PORTIONS) * kills * workers.length);
    await until(() => workers.reduce((sum, { killed }) => sum + killed, 0) >= due);
    const [from, to] = [portion, portion + 1].map((it) => Math.floor((it * count) / PORTIONS));
    await sendAll(producer, messages.slice(from, to), { topic: TOPIC, pace: null });
  }
  await producer.close();
  await broker.close();
}

/** Resolves when the table has taken the topic to its end. */
async function isTaken(): Promise<void> {
  const tools = { clock: systemClock, random: systemRandom };
  const broker = await openBroker({ brokers: [bed.brokers] }, tools);
  const partitions = Array.from({ length: PARTITIONS }, (_, partition) => ({
    topic: TOPIC,
    partition,
  }));
  const ends = await broker.offsets(partitions, 'latest');
  await broker.close();
  const place = join(lake, 'e_financeira/evento_transmitido');
  await until(() => existsSync(join(place, '_delta_log')));
  const metadata = readFileSync(join(lake, '_checkpoints', JOB, 'metadata'), 'utf8');
  const { id } = JSON.parse(metadata) as { readonly id: string };
  const { href } = pathToFileURL(place);
  const table = await openTable(href);
  for (;;) {
    await table.refresh();
    const { snapshot } = table;
    if (ends.every((end, n) => snapshot.txnVersion(`${id}/${TOPIC}-${n}`) === end)) break;
    await sleep(LOOK_MS);
  }
  await table.close();
}
