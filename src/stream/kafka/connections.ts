/** The connections to the brokers of a cluster: one to each, made when it is first asked for, and again when it broke. */

import { createSecureContext } from 'node:tls';

import { type Clock, messageOf } from '../../base/index.ts';
import { type BrokerAddress, BrokerConnection, type SocketOptions } from './broker-connection.ts';
import type { KafkaConnection, KafkaSasl, KafkaTls } from './connection-spec.ts';
import { connectionInvalid } from './errors.ts';

const CLIENT_ID = 'deltawright';
/** Of the time that a broker takes a connection for authenticated, after which it would close it. */
const SESSION_SHARE = 0.8;

interface Session {
  readonly connection: BrokerConnection;
  /** When to authenticate anew, on a new connection. */
  readonly untilMs: number;
}

export class Connections {
  readonly #options: SocketOptions;
  readonly #sasl: KafkaSasl | null;
  readonly #clock: Clock;
  readonly #sessions = new Map<string, Promise<Session>>();

  private constructor(options: SocketOptions, sasl: KafkaSasl | null, clock: Clock) {
    this.#options = options;
    this.#sasl = sasl;
    this.#clock = clock;
  }

  /** Connects to nobody yet, but asks for a client key. Errors: `KAFKA_CONNECTION_INVALID`. */
  static async open(spec: KafkaConnection, clock: Clock): Promise<Connections> {
    const { tls = false, sasl = null, clientId = CLIENT_ID } = spec;
    const context = tls === false ? null : await tlsContext(tls === true ? {} : tls);
    return new Connections({ clientId, tls: context }, sasl, clock);
  }

  /** Throws what the network, TLS or SASL says. */
  async get(address: BrokerAddress): Promise<BrokerConnection> {
    const key = `${address.host}:${String(address.port)}`;
    const known = this.#sessions.get(key);
    const session = await known?.catch(() => null);
    if (session?.connection.isOpen === true) {
      if (this.#clock.now() < session.untilMs) return session.connection;
      session.connection.retire();
    }
    // Somebody else who waited may have made the next one.
    if (this.#sessions.get(key) !== known) return this.get(address);
    const next = this.#connect(address);
    this.#sessions.set(key, next);
    return (await next).connection;
  }

  /** To the first of `addresses` that answers. Throws what all of them said. */
  async any(addresses: readonly BrokerAddress[]): Promise<BrokerConnection> {
    const errors: unknown[] = [];
    for (const address of addresses) {
      try {
        return await this.get(address);
      } catch (error) {
        errors.push(error);
      }
    }
    throw new AggregateError(errors, 'no broker could be reached');
  }

  async close(): Promise<void> {
    const sessions = [...this.#sessions.values()];
    this.#sessions.clear();
    // One that could not be opened needs no closing.
    const opened = sessions.map((session) => session.catch(() => null));
    await Promise.all(opened.map(async (session) => (await session)?.connection.close()));
  }

  async #connect(address: BrokerAddress): Promise<Session> {
    const connection = await BrokerConnection.open(address, this.#options);
    if (this.#sasl === null) return { connection, untilMs: Infinity };
    try {
      const { authenticate } = await import('./sasl.ts');
      const lifetimeMs = await authenticate(connection, this.#sasl);
      const untilMs = this.#clock.now() + lifetimeMs * SESSION_SHARE;
      return { connection, untilMs: lifetimeMs === 0 ? Infinity : untilMs };
    } catch (error) {
      await connection.close();
      throw error;
    }
  }
}

async function tlsContext(tls: KafkaTls): Promise<NonNullable<SocketOptions['tls']>> {
  const context = {
    ...(tls.ca === undefined ? {} : { ca: tls.ca }),
    ...(tls.cert === undefined ? {} : { cert: tls.cert }),
    ...(tls.key === undefined ? {} : { key: await tls.key() }),
  };
  try {
    createSecureContext(context);
  } catch (error) {
    throw connectionInvalid(`its certificates or its key are not PEM (${messageOf(error)})`);
  }
  return { ...context, ...(tls.serverName === undefined ? {} : { serverName: tls.serverName }) };
}

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
