/** What a day may bring while the jobs of *e-Financeira* run. */

import { Kafka, logLevel } from 'kafkajs';

import { TOPIC } from '../e-financeira/encode.ts';
import type { Bed } from './bed.ts';
import { type HarriedJob, until } from './job-process.ts';
import { fail } from './judge.ts';
import type { TransactedEvents } from './transacted-events.ts';

/** Partitions that come while the jobs run: those of the transactions. */
export const ADDED_PARTITIONS = [3, 4] as const;

/** How long a job may go on without the registry before it must have stopped. */
const OUTAGE_MS_MAX = 180_000;

/** What a scene happens to. */
export interface Scene {
  readonly bed: Bed;
  readonly send: () => Promise<number>;
  readonly jobs: readonly HarriedJob[];
  readonly transacted: TransactedEvents;
}

/** What happens while the portion is sent that begins after this share of the events, from 0 to 1; null for nothing. */
export function sceneOf(share: number): ((scene: Scene) => Promise<void>) | null {
  return SCENES.find(([at]) => Math.abs(at - share) < 1e-9)?.[1] ?? null;
}

async function addPartitions({ bed, send }: Scene): Promise<void> {
  const admin = new Kafka({ brokers: [bed.brokers], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  const count = 1 + Math.max(...ADDED_PARTITIONS);
  await admin.createPartitions({ topicPartitions: [{ topic: TOPIC, count }] });
  await admin.disconnect();
  await send();
}

async function withTransactions({ send, transacted }: Scene): Promise<void> {
  await Promise.all([send(), transacted.round()]);
}

async function overRestart({ bed, send }: Scene): Promise<void> {
  await Promise.all([send(), bed.restartBroker()]);
}

/** A schema that no job knows yet, and nobody to ask: the capture must stop by itself, and go on when the registry is back. */
async function withoutRegistry({ bed, send, jobs }: Scene): Promise<void> {
  const [capture] = jobs;
  for (const job of jobs) job.isSpared = true;
  await bed.stopRegistry();
  await send();
  const begin = Date.now();
  await until(() => {
    if (Date.now() - begin > OUTAGE_MS_MAX) fail('the capture goes on without the registry');
    return (capture?.failures.get('REGISTRY_UNAVAILABLE') ?? 0) > 0;
  });
  await bed.startRegistry();
  for (const job of jobs) job.isSpared = false;
}

/** At which share of the events. */
const SCENES: readonly (readonly [number, (scene: Scene) => Promise<void>])[] = [
  [0.15, addPartitions],
  [0.2, withTransactions],
  [0.3, overRestart],
  [0.4, withTransactions],
  // The second schema comes with this portion.
  [0.5, withoutRegistry],
  [0.65, overRestart],
  [0.75, withTransactions],
];
