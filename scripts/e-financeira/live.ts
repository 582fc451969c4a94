/** Messages on their way to a broker: its topic and schemas made ready, then sent as fast as it takes them, or each at its time. */

import { Admin } from '@platformatic/kafka';

import type { Clock } from '../../src/base/index.ts';
import type { Producer } from '../../src/stream/kafka/types.ts';
import type { EventMessage } from './events.ts';

/** Messages of one request, at most. */
const CHUNK_MESSAGES = 3000;
/** How long messages may wait for others to be sent with. */
const TICK_MS = 10;

export interface SendOptions {
  readonly topic: string;
  /** With a clock each message is sent when its time has come, and together with those that are late; without, at once. */
  readonly pace: Clock | null;
}

/** Sends all in order, one request after another, so that each partition gets them in order. Resolves to how many. */
export async function sendAll(
  producer: Producer,
  messages: Iterable<EventMessage>,
  { topic, pace }: SendOptions,
): Promise<number> {
  let count = 0;
  let chunk: EventMessage[] = [];
  const send = async (): Promise<void> => {
    if (chunk.length > 0) await producer.send(topic, chunk);
    count += chunk.length;
    chunk = [];
  };
  for (const message of messages) {
    if (pace !== null && message.timestampMs > pace.now()) {
      await send();
      while (message.timestampMs > pace.now()) {
        await pace.sleep(Math.max(TICK_MS, message.timestampMs - pace.now()));
      }
    }
    chunk.push(message);
    if (chunk.length === CHUNK_MESSAGES) await send();
  }
  await send();
  return count;
}

/** Makes the topic where it is missing. */
export async function createTopic(
  brokers: readonly string[],
  { topic, partitionCount }: { topic: string; partitionCount: number },
): Promise<void> {
  const admin = new Admin({ clientId: 'produce-eventos', bootstrapBrokers: [...brokers] });
  try {
    const topics = await admin.listTopics();
    if (topics.includes(topic)) return;
    await admin.createTopics({ topics: [topic], partitions: partitionCount, replicas: 1 });
  } finally {
    await admin.close();
  }
}

/** Registers a schema with a registry (Confluent's API); the same schema gets the same id again. */
export async function registerSchema(
  url: string,
  subject: string,
  schema: string,
): Promise<number> {
  const place = `${url.replace(/\/$/, '')}/subjects/${encodeURIComponent(subject)}/versions`;
  const answer = await fetch(place, {
    method: 'POST',
    headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
    body: JSON.stringify({ schema }),
  });
  const body: unknown = await answer.json();
  if (answer.ok && typeof body === 'object' && body !== null && 'id' in body) {
    return Number(body.id);
  }
  throw new Error(
    `the registry refused ${subject}: ${String(answer.status)} ${JSON.stringify(body)}`,
  );
}
