import { createServer, type Server } from 'node:net';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { ManualClock, seededRandom } from '../../../src/base/index.ts';
import {
  type BrokerTools,
  type KafkaConnection,
  openBroker,
} from '../../../src/stream/kafka/index.ts';

const SECRET = 'a-secret-of-somebody';
const random = seededRandom(1);

/** Takes connections and closes them without a word. */
let deaf: Server;
let address: string;

beforeAll(async () => {
  deaf = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => deaf.listen(0, '127.0.0.1', resolve));
  const at = deaf.address();
  address = `127.0.0.1:${String(typeof at === 'object' && at !== null ? at.port : 0)}`;
});

afterAll(async () => {
  await new Promise((resolve) => deaf.close(resolve));
});

function tools(clock = new ManualClock(), attemptsMax = 3): BrokerTools {
  return { clock, random, attemptsMax };
}

async function failure(connection: KafkaConnection, broker = tools()): Promise<unknown> {
  const opened = await openBroker(connection, broker);
  try {
    return await opened.topics({ names: ['t'] }).catch((error: unknown) => error);
  } finally {
    await opened.close();
  }
}

describe('a broker that cannot be reached', () => {
  test.each(['127.0.0.1:1', 'deaf'])('is tried again, and then unavailable: %s', async (which) => {
    const clock = new ManualClock();
    const before = clock.now();
    const brokers = [which === 'deaf' ? address : which];
    const error = await failure({ brokers }, tools(clock, 4));
    expect(error).toMatchObject({ code: 'KAFKA_UNAVAILABLE', kind: 'unavailable' });
    const slept = clock.now() - before;
    expect(slept).toBeGreaterThanOrEqual(350);
    expect(slept).toBeLessThanOrEqual(703);
  });

  test('is given up at once when the work is stopped', async () => {
    const broker = await openBroker({ brokers: [address] }, tools());
    const range = { topic: 't', partition: 0, start: 0, end: 1 };
    const signal = AbortSignal.abort(new Error('stopped'));
    await expect(broker.fetch(range, () => undefined, signal)).rejects.toThrow('stopped');
    await broker.close();
  });
});

test.each([
  [[], 'no brokers'],
  [['localhost'], 'localhost'],
  [['localhost:99999'], 'localhost:99999'],
  [['http://localhost:9092'], 'http'],
])('the addresses %j are refused', async (brokers, text) => {
  const opening = openBroker({ brokers }, tools());
  await expect(opening).rejects.toThrow(text);
  await expect(opening).rejects.toMatchObject({ code: 'KAFKA_CONNECTION_INVALID' });
});

test('several addresses and IPv6 make the name', async () => {
  const broker = await openBroker({ brokers: ['a:1', '[::1]:9092'] }, tools());
  expect(broker.name).toBe('a:1,::1:9092');
  await broker.close();
});

describe('secrets', () => {
  const secret = (): Promise<string> => Promise.resolve(SECRET);
  const connections: readonly KafkaConnection[] = [
    {
      brokers: ['127.0.0.1:1'],
      sasl: { mechanism: 'PLAIN', username: secret, password: secret },
    },
    { brokers: ['127.0.0.1:1'], sasl: { mechanism: 'OAUTHBEARER', token: secret } },
  ];

  test.each(connections)('are in no broker and no error: %#', async (connection) => {
    const broker = await openBroker(connection, tools());
    const error = await broker.topics({ names: ['t'] }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(Error);
    for (const each of [broker, error]) {
      const text = inspect(each, { depth: Infinity, showHidden: true, getters: true });
      expect(text).not.toContain(SECRET);
      expect(JSON.stringify(each)).not.toContain(SECRET);
    }
    await broker.close();
  });

  test('are in no complaint about them', async () => {
    const tls = { ca: 'none', cert: 'none', key: secret };
    const error = await openBroker({ brokers: ['a:1'], tls }, tools()).catch((e: unknown) => e);
    expect(error).toMatchObject({ code: 'KAFKA_CONNECTION_INVALID' });
    expect(inspect(error, { depth: Infinity, showHidden: true })).not.toContain(SECRET);
  });
});
