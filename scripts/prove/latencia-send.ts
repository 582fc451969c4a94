/** latencia-send.ts BROKERS RATE SECONDS: sends events, each at its time, and prints how many, and how late it was itself. */

import { systemClock, systemRandom } from '../../src/base/index.ts';
import { openBroker } from '../../src/stream/kafka/index.ts';
import { TOPIC } from '../e-financeira/encode.ts';
import { type EventMessage, generate } from '../e-financeira/events.ts';
import { sendAll } from '../e-financeira/live.ts';
import { Histogram } from './histogram.ts';

export interface Sent {
  /** Each once. */
  readonly events: number;
  readonly lagP99Ms: number;
  readonly lagMaxMs: number;
}

const [brokers = '', rate = '', seconds = ''] = process.argv.slice(2);
const lag = new Histogram();
let events = 0;

/** The messages as they pass by. */
function* watched(messages: Iterable<EventMessage>): Generator<EventMessage, void> {
  for (const message of messages) {
    if (message.truth.kind === 'event') events += 1;
    yield message;
    lag.add(systemClock.now() - message.timestampMs);
  }
}

const broker = await openBroker(
  { brokers: brokers.split(',') },
  { clock: systemClock, random: systemRandom },
);
const producer = await broker.producer();
const messages = generate({
  seed: 1,
  count: Number(rate) * Number(seconds),
  companies: 200,
  partitions: 3,
  startMs: systemClock.now() + 1000,
  ratePerSecond: Number(rate),
  schemaIds: [1, 2],
});
await sendAll(producer, watched(messages), { topic: TOPIC, pace: systemClock });
await producer.close();
await broker.close();
const sent: Sent = { events, lagP99Ms: lag.quantile(0.99), lagMaxMs: lag.maxMs };
console.log(JSON.stringify(sent));
