/**
 * Sends events of *e-Financeira* to a real broker, among them duplicates, late and broken ones, while its three jobs run, each killed
 * with SIGKILL at random moments and started again, and stopped by SIGTERM now and then; then runs them once more to the end.
 * Then: detail and report equal a recount from the seed, the rejected messages are the broken ones, and the source of record has
 * one file of each batch, topic partition and date.
 *
 *   node scripts/prove/eventos.ts [--count 1000000] [--kills 100] [--seed 1] [--chaos]
 *
 * `--kills` is how often each job is killed. `--chaos` also restarts the broker, stops the registry just when a new schema comes, adds
 * partitions, and sends events in transactions, committed and aborted.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { seededRandom, systemClock, systemRandom } from '../../src/base/index.ts';
import { openBroker } from '../../src/stream/kafka/index.ts';
import { EVENT_SCHEMAS, SUBJECT, TOPIC } from '../e-financeira/encode.ts';
import { type EventMessage, generate, type GenerateOptions } from '../e-financeira/events.ts';
import { createTopic, registerSchema, sendAll } from '../e-financeira/live.ts';
import { recount, reportOf } from '../e-financeira/recount.ts';
import { Bed } from './bed.ts';
import { ADDED_PARTITIONS, sceneOf } from './chaos-eventos.ts';
import { HarriedJob, runOnce, until } from './job-process.ts';
import {
  checkDeadLetters,
  checkDetail,
  checkRecord,
  checkReport,
  type Expected,
  REPORT_TOPIC,
} from './judge-eventos.ts';
import { TransactedEvents } from './transacted-events.ts';

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '1000000' },
    kills: { type: 'string', default: '100' },
    seed: { type: 'string', default: '1' },
    chaos: { type: 'boolean', default: false },
  },
});
const count = Number(values.count);
const kills = Number(values.kills);
const seed = Number(values.seed);
const isChaos = values.chaos;

const JOBS = ['capturar-eventos', 'consolidar-base-eventos', 'gerar-relatorio-transmissao'];
const PARTITIONS = 3;
const COMPANIES = 200;
/** Two days of events, so that they and those that are late fall on several dates. */
const SPAN_SECONDS = 2 * 86_400;
const startMs = Date.UTC(2026, 10, 20, 9);
/** Portions in which the events are sent, spread over the kills. */
const PORTIONS = 60;

const random = seededRandom(seed);
const bed = await Bed.start('eventos');
const { lake } = bed;
await bed.during(prove);

async function prove(): Promise<void> {
  const schemaIds = [
    await registerSchema(bed.registry, SUBJECT, EVENT_SCHEMAS[0]),
    await registerSchema(bed.registry, SUBJECT, EVENT_SCHEMAS[1]),
  ] as const;
  const brokers = [bed.brokers];
  await createTopic(brokers, { topic: TOPIC, partitionCount: PARTITIONS });
  await createTopic(brokers, { topic: REPORT_TOPIC, partitionCount: 1 });
  const plan: GenerateOptions = {
    seed,
    count,
    companies: COMPANIES,
    partitions: PARTITIONS,
    startMs,
    ratePerSecond: count / SPAN_SECONDS,
    schemaIds,
  };
  const transacted = new TransactedEvents({
    ...plan,
    brokers: bed.brokers,
    topic: TOPIC,
    partitions: ADDED_PARTITIONS,
    rounds: 3,
    seed: seed + 1,
    schemaIds,
  });
  const env = {
    DELTAWRIGHT_LAKE: lake,
    KAFKA_BROKERS: bed.brokers,
    SCHEMA_REGISTRY_URL: bed.registry,
  };
  const allowed = new Set(isChaos ? ['KAFKA_UNAVAILABLE', 'REGISTRY_UNAVAILABLE'] : []);
  const jobs = JOBS.map(
    (job) => new HarriedJob(job, kills, { lake, env, allowed, chance: () => random.float() }),
  );

  const ends = new Map<number, ReadonlyMap<number, number>>();
  const watch = setInterval(() => notePlans(ends), 250);
  const begin = Date.now();
  const cpuBegin = childCpuSeconds();
  const running = Promise.all(jobs.map((job) => job.run()));
  await Promise.race([running, sendWhileKilled(plan, jobs, transacted)]);
  await Promise.race([running, until(() => jobs.every(({ isThrough }) => isThrough))]);
  await Promise.all(jobs.map((job) => job.end()));
  await running;
  const harriedSeconds = (Date.now() - begin) / 1000;
  for (let rest = 1; rest > 0;) {
    rest = (await runOnce(JOBS, env)).reduce((sum, { batches }) => sum + batches, 0);
  }
  const seconds = (Date.now() - begin) / 1000;
  const cpuSeconds = childCpuSeconds() - cpuBegin;
  clearInterval(watch);
  notePlans(ends);

  const expected = expect(plan, transacted);
  const detail = await checkDetail(lake, expected);
  const files = await checkRecord(lake, ends, expected);
  const broken = await checkDeadLetters(lake, expected);
  const posted = await checkReport(lake, bed.brokers, expected);
  console.log(
    [
      `${count} messages${isChaos ? ` and ${transacted.committed.size} events in transactions` : ''}, seed ${seed}: ` +
        `${harriedSeconds.toFixed(0)} s while killed, ${seconds.toFixed(0)} s in all, ${cpuSeconds.toFixed(0)} s of CPU of the jobs`,
      ...jobs.map(
        ({ job, killed, stopped, failures }) =>
          `  ${job}: killed ${killed} times, stopped in good order ${stopped} times` +
          [...failures].map(([code, times]) => `, ${code} ${times} times`).join(''),
      ),
      `  ${detail} events once each in the detail, ${expected.report.length} lines of the report right, in the table and on the topic ` +
        `(${posted} messages), ${broken} broken messages rejected, ${files} files in the source of record (${ends.size} batches)`,
    ].join('\n'),
  );
}

/** Sends all events, in step with the kills, and does what a chaotic day brings along. */
async function sendWhileKilled(
  plan: GenerateOptions,
  jobs: readonly HarriedJob[],
  transacted: TransactedEvents,
): Promise<void> {
  const broker = await openBroker(
    { brokers: [bed.brokers] },
    { clock: systemClock, random: systemRandom },
  );
  const producer = await broker.producer();
  const messages = generate(plan);
  const killsDone = (): number => jobs.reduce((sum, { killed }) => sum + killed, 0);
  for (let portion = 0; portion < PORTIONS; portion += 1) {
    const due = Math.floor((portion / PORTIONS) * kills * jobs.length);
    await until(() => killsDone() >= due || jobs.every(({ isThrough }) => isThrough));
    const size =
      Math.floor(((portion + 1) * count) / PORTIONS) - Math.floor((portion * count) / PORTIONS);
    const send = (): Promise<number> =>
      sendAll(producer, take(messages, size), { topic: TOPIC, pace: null });
    const scene = isChaos ? sceneOf(portion / PORTIONS) : null;
    await (scene === null ? send() : scene({ bed, send, jobs, transacted }));
  }
  await producer.close();
  await broker.close();
}

function* take(messages: Iterator<EventMessage>, size: number): Generator<EventMessage, void> {
  for (let i = 0; i < size; i += 1) {
    const { value, done } = messages.next();
    if (done === true) return;
    yield value;
  }
}

function expect(plan: GenerateOptions, { committed }: TransactedEvents): Expected {
  const counted = recount(generate(plan), { partitionCount: PARTITIONS });
  const detail = new Map<string, Expected['detail'] extends ReadonlyMap<string, infer V> ? V : 0>(
    counted.detail,
  );
  for (const [id, event] of committed) detail.set(id, { event, sent: null });
  const report = reportOf([...detail.values()].map(({ event }) => event));
  return { detail, report, deadLetters: counted.deadLetters };
}

/** What batches the capture planned: its checkpoint keeps the last hundred. */
function notePlans(ends: Map<number, ReadonlyMap<number, number>>): void {
  const offsets = join(lake, '_checkpoints/capturar-eventos/offsets');
  let names: string[];
  try {
    names = readdirSync(offsets).filter((name) => /^\d+$/.test(name));
  } catch {
    // There is no checkpoint before the first batch.
    return;
  }
  for (const name of names) {
    if (ends.has(Number(name))) continue;
    const line = readFileSync(join(offsets, name), 'utf8').split('\n').at(-1) ?? '{}';
    const topics = JSON.parse(line) as Record<string, Record<string, number>>;
    const byPartition = Object.entries(topics[TOPIC] ?? {});
    ends.set(Number(name), new Map(byPartition.map(([it, offset]) => [Number(it), offset])));
  }
}

/** CPU of all children that have ended, from Linux's accounting. */
function childCpuSeconds(): number {
  const fields = readFileSync('/proc/self/stat', 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  // `cutime` and `cstime`, in hundredths of a second: proc(5).
  return (Number(fields[13]) + Number(fields[14])) / 100;
}
