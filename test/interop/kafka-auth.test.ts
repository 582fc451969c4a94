/** SASL and TLS on a real broker. */

import { readFile } from 'node:fs/promises';
import { inspect } from 'node:util';
import { expect, test } from 'vitest';

import { systemClock } from '../../src/base/index.ts';
import { type KafkaConnection, type KafkaSasl, openBroker } from '../../src/stream/kafka/index.ts';
import { required } from './engines.ts';
import { tools } from './kafka-bed.ts';

const PASSWORD = 'testtest';
const sasl = [required('KAFKA_SASL_BROKERS')];
const tls = [required('KAFKA_TLS_BROKERS')];
const ca = await readFile(required('KAFKA_TLS_CA'), 'utf8');

function secret(text: string): () => Promise<string> {
  return () => Promise.resolve(text);
}

/** An unsecured token, RFC 7515 with the algorithm `none`. */
function token(subject: string, lifeSeconds = 600): string {
  const now = Math.floor(systemClock.now() / 1000);
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = { sub: subject, iat: now - 5, exp: now + lifeSeconds };
  return `${part({ alg: 'none' })}.${part(claims)}.`;
}

function byPassword(
  mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512',
  password = PASSWORD,
): KafkaSasl {
  return { mechanism, username: 'test', password: secret(password) };
}

const good: readonly KafkaSasl[] = [
  byPassword('PLAIN'),
  byPassword('SCRAM-SHA-256'),
  byPassword('SCRAM-SHA-512'),
  { mechanism: 'OAUTHBEARER', token: () => Promise.resolve(token('test')) },
];

/** `ok`, or the error of a first request. */
async function outcome(connection: KafkaConnection): Promise<unknown> {
  const broker = await openBroker(connection, { ...tools, attemptsMax: 2 });
  try {
    await broker.topics({ pattern: /.*/ });
    return 'ok';
  } catch (error) {
    return error;
  } finally {
    await broker.close();
  }
}

test.each(good)('$mechanism lets in, in the clear and over TLS', async (each) => {
  expect(await outcome({ brokers: sasl, sasl: each })).toBe('ok');
  expect(await outcome({ brokers: tls, sasl: each, tls: { ca } })).toBe('ok');
});

test.each([
  byPassword('PLAIN', 'wrong-secret'),
  byPassword('SCRAM-SHA-256', 'wrong-secret'),
  byPassword('SCRAM-SHA-512', 'wrong-secret'),
  { mechanism: 'OAUTHBEARER', token: secret('wrong-secret') } as const,
])('$mechanism with a wrong secret is denied, and says nothing of it', async (each) => {
  const error = await outcome({ brokers: sasl, sasl: each });
  expect(error).toMatchObject({ code: 'KAFKA_DENIED', kind: 'invalid' });
  expect(inspect(error, { depth: Infinity, showHidden: true })).not.toContain('wrong-secret');
  expect(JSON.stringify(error)).not.toContain('wrong-secret');
});

test('a token that has expired is denied', async () => {
  const expired = { mechanism: 'OAUTHBEARER', token: secret(token('test', -60)) } as const;
  const error = await outcome({ brokers: sasl, sasl: expired });
  expect(error).toMatchObject({ code: 'KAFKA_DENIED' });
});

test('a provider that fails is told', async () => {
  const password = (): Promise<string> => Promise.reject(new Error('the vault is closed'));
  const error = await outcome({
    brokers: sasl,
    sasl: { mechanism: 'PLAIN', username: 'test', password },
  });
  expect(error).toMatchObject({ code: 'KAFKA_DENIED' });
  expect(String(error)).toContain('the vault is closed');
});

test('no credentials where some are wanted is not let in', async () => {
  expect(await outcome({ brokers: sasl })).toMatchObject({ code: 'KAFKA_UNAVAILABLE' });
});

test('a certificate that nobody vouches for is refused', async () => {
  const error = await outcome({ brokers: tls, sasl: byPassword('PLAIN'), tls: true });
  expect(error).toMatchObject({ code: 'KAFKA_TLS', kind: 'invalid' });
});

test('a certificate of another name is refused', async () => {
  const connection = { brokers: tls, sasl: byPassword('PLAIN') };
  const error = await outcome({ ...connection, tls: { ca, serverName: 'elsewhere.example' } });
  expect(error).toMatchObject({ code: 'KAFKA_TLS' });
});

test('a broker that wants TLS says so to a client without', async () => {
  expect(await outcome({ brokers: tls })).toMatchObject({ code: 'KAFKA_TLS' });
});
