/** How a broker is reached: addresses, SASL, TLS. Secrets come from functions, are asked for when needed, and not kept. */

import { createSecureContext } from 'node:tls';

import type * as kafka from '@platformatic/kafka';
import type { ConnectionOptions } from '@platformatic/kafka';

import { messageOf } from '../../base/index.ts';
import type { KafkaConnection, KafkaSasl, KafkaTls } from './connection-spec.ts';
import { connectionInvalid } from './errors.ts';

export interface BrokerAddress {
  readonly host: string;
  readonly port: number;
}

const CONNECT_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;

/** Throws `KAFKA_CONNECTION_INVALID`. */
export function brokerAddresses(connection: KafkaConnection): BrokerAddress[] {
  if (connection.brokers.length === 0) throw connectionInvalid('it names no brokers');
  return connection.brokers.map((text) => {
    const match = /^(?:\[([^\]]+)\]|([^:/\s]+)):(\d{1,5})$/.exec(text);
    const port = Number(match?.[3]);
    if (match === null || port < 1 || port > 65_535) {
      throw connectionInvalid(`${JSON.stringify(text)} is not an address like host:9092`);
    }
    return { host: match[1] ?? match[2] ?? '', port };
  });
}

export async function connectionOptions(
  library: typeof kafka,
  connection: KafkaConnection,
): Promise<ConnectionOptions> {
  const { sasl, tls } = connection;
  return {
    connectTimeout: CONNECT_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    ...(sasl === undefined ? {} : { sasl: saslOptions(library, sasl) }),
    ...(tls === undefined || tls === false ? {} : await tlsOptions(tls === true ? {} : tls)),
  };
}

function saslOptions(
  { AuthenticationError }: typeof kafka,
  sasl: KafkaSasl,
): NonNullable<ConnectionOptions['sasl']> {
  if (sasl.mechanism !== 'OAUTHBEARER') {
    return { mechanism: sasl.mechanism, username: sasl.username, password: sasl.password };
  }
  return {
    mechanism: sasl.mechanism,
    token: sasl.token,
    // A broker that refuses a token does not answer with an error, but with a reason: RFC 7628, section 3.2.2.
    authBytesValidator: (reason: Buffer, done: (error: Error | null, bytes: Buffer) => void) =>
      done(
        reason.length === 0 ? null : new AuthenticationError('the token was refused'),
        Buffer.alloc(0),
      ),
    ...(sasl.extensions === undefined ? {} : { oauthBearerExtensions: { ...sasl.extensions } }),
  };
}

async function tlsOptions(tls: KafkaTls): Promise<ConnectionOptions> {
  const context = {
    ...(tls.ca === undefined ? {} : { ca: tls.ca }),
    ...(tls.cert === undefined ? {} : { cert: tls.cert }),
    ...(tls.key === undefined ? {} : { key: await tls.key() }),
  };
  try {
    // With what it cannot parse, the library would wait for a connection for ever.
    createSecureContext(context);
  } catch (error) {
    throw connectionInvalid(`its certificates or its key are not PEM (${messageOf(error)})`);
  }
  return {
    tls: context,
    // Server Name Indication: brokers behind one address tell their certificates apart by it.
    tlsServerName: tls.serverName ?? true,
  };
}
