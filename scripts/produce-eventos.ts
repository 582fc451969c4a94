/**
 * Makes events of e-Financeira from a seed and sends them to a Kafka topic, each in Avro under a schema that it registers; or
 * records them as a topic in a folder. Given `--start` the times of the events begin there and they are sent as fast as the broker takes
 * them; else they begin now, and each is sent at its time. The broker's topics, also that of the report, are made where they are
 * missing.
 *
 *     node scripts/produce-eventos.ts --brokers localhost:9092 --registry http://localhost:8080/apis/ccompat/v7 --rate 5000 --count 100000
 *     node scripts/produce-eventos.ts --record DIR --start 2026-11-20T09:00:00Z --count 1000
 *
 * `--expected DIR` also writes what the pipeline must come to (`scripts/e-financeira/recount-files.ts`).
 */

import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { systemClock, systemRandom } from '../src/base/index.ts';
import { openBroker } from '../src/stream/kafka/kafka-broker.ts';
import {
  EVENT_SCHEMAS,
  REPORT_SCHEMA,
  REPORT_SUBJECT,
  REPORT_TOPIC,
  TOPIC,
} from './e-financeira/encode.ts';
import { generate, type GenerateOptions } from './e-financeira/events.ts';
import { createTopic, registerSchema, sendAll } from './e-financeira/live.ts';
import { recount } from './e-financeira/recount.ts';
import { writeRecount } from './e-financeira/recount-files.ts';
import { recordRegistry, recordTopic } from './e-financeira/recording.ts';

const { values } = parseArgs({
  options: {
    brokers: { type: 'string' },
    registry: { type: 'string' },
    record: { type: 'string' },
    expected: { type: 'string' },
    topic: { type: 'string', default: TOPIC },
    partitions: { type: 'string', default: '3' },
    count: { type: 'string', default: '10000' },
    seed: { type: 'string', default: '1' },
    /** Events a second, of their times. */
    rate: { type: 'string', default: '100' },
    start: { type: 'string' },
    companies: { type: 'string', default: '200' },
    /** Shares, from 0 to 1. */
    duplicates: { type: 'string', default: '0.02' },
    late: { type: 'string', default: '0.03' },
    broken: { type: 'string', default: '0.002' },
  },
});

const { topic } = values;
const live = values.start === undefined;
const subject = `${topic}-value`;
const partitionCount = number('partitions', 1);
const plan: Omit<GenerateOptions, 'schemaIds'> = {
  seed: number('seed', 0),
  count: number('count', 0),
  companies: number('companies', 1),
  partitions: partitionCount,
  startMs: values.start === undefined ? systemClock.now() : Date.parse(values.start),
  ratePerSecond: number('rate', 0),
  duplicateShare: number('duplicates', 0),
  lateShare: number('late', 0),
  brokenShare: number('broken', 0),
};
if (Number.isNaN(plan.startMs))
  throw new Error('--start must be a time such as 2026-11-20T09:00:00Z');
if (plan.ratePerSecond === 0) throw new Error('--rate must be above 0');

const begin = systemClock.now();
const startOffsets = await (values.record === undefined ? produce() : record(values.record));
const tookSeconds = (systemClock.now() - begin) / 1000;
const counted = recount(generate({ ...plan, schemaIds: [1, 2] }), { partitionCount, startOffsets });
if (values.expected !== undefined) await writeRecount(values.expected, counted);
console.log(
  `${plan.count} messages in ${tookSeconds.toFixed(1)} s: ${counted.detail.size} events, ` +
    `${counted.duplicateCount} duplicates, ${counted.deadLetters.length} broken; ` +
    `seed ${plan.seed}, times from ${new Date(plan.startMs).toISOString()}, offsets to ${counted.endOffsets.join(', ')}`,
);

/** Sends to the broker. Resolves to where the partitions ended before. */
async function produce(): Promise<readonly number[]> {
  if (values.brokers === undefined || values.registry === undefined) {
    throw new Error('name --brokers and --registry, or a folder to --record to');
  }
  const brokers = values.brokers.split(',');
  const [first, second] = EVENT_SCHEMAS;
  const schemaIds = [
    await registerSchema(values.registry, subject, first),
    await registerSchema(values.registry, subject, second),
  ] as const;
  await createTopic(brokers, { topic, partitionCount });
  // Where the pipeline posts its report.
  await createTopic(brokers, { topic: REPORT_TOPIC, partitionCount });
  const broker = await openBroker({ brokers }, { clock: systemClock, random: systemRandom });
  try {
    const partitions = Array.from({ length: partitionCount }, (_, partition) => ({
      topic,
      partition,
    }));
    const [there] = await broker.topics({ names: [topic] });
    if (there?.partitionCount !== partitionCount) {
      throw new Error(`--partitions must be ${there?.partitionCount}, as many as ${topic} has`);
    }
    const ends = await broker.offsets(partitions, 'latest');
    const producer = await broker.producer();
    const messages = generate({ ...plan, schemaIds });
    await sendAll(producer, messages, { topic, pace: live ? systemClock : null });
    await producer.close();
    return ends;
  } finally {
    await broker.close();
  }
}

/** Records a topic in `folder`/topico, and its registry in `folder`/registro. */
async function record(folder: string): Promise<readonly number[]> {
  const messages = generate({ ...plan, schemaIds: [1, 2] });
  await recordTopic(join(folder, 'topico'), { topic, partitionCount, messages });
  await recordRegistry(join(folder, 'registro'), [
    { subject, schemas: EVENT_SCHEMAS.map((schema, index) => ({ id: index + 1, schema })) },
    { subject: REPORT_SUBJECT, schemas: [{ id: 3, schema: REPORT_SCHEMA }] },
  ]);
  return [];
}

function number(
  name: 'partitions' | 'count' | 'seed' | 'rate' | 'companies' | 'duplicates' | 'late' | 'broken',
  least: number,
): number {
  const value = Number(values[name]);
  if (value >= least) return value;
  throw new Error(`--${name} must be a number from ${least} on, not ${values[name]}`);
}
