/**
 * The client library, over connections of our own: for what a job asks of a broker now and then (SASL, groups,
 * transactions, codecs). Reading topics does without it: to load it takes longer than a short run.
 */

import type * as kafka from '@platformatic/kafka';

import type { BrokerConnection } from './broker-connection.ts';

export type KafkaLibrary = typeof kafka;

/** Loads it at the first call. */
export function loadLibrary(): Promise<KafkaLibrary> {
  return import('@platformatic/kafka');
}

/** One of its requests on `connection`. Throws the library's errors, and what the connection throws. */
export async function libraryRequest<T>(
  connection: BrokerConnection,
  request: (library: KafkaLibrary, node: kafka.Connection) => Promise<T>,
): Promise<T> {
  const library = await loadLibrary();
  return request(library, libraryConnection(library, connection));
}

function libraryConnection(library: KafkaLibrary, connection: BrokerConnection): kafka.Connection {
  class Requests extends library.Connection {
    override send<T>(...[key, version, write, read, ...rest]: SendArguments<T>): void {
      const [taggedRequest, taggedAnswer, callback] = rest;
      const exchange = async (): Promise<T> => {
        const answer = await connection.request({
          api: { key, version },
          body: (await write()).buffer,
          tagged: { request: taggedRequest, answer: taggedAnswer },
        });
        return read(0, key, version, library.Reader.from(answer));
      };
      exchange().then(
        (answer) => callback(null, answer),
        (error: unknown) => callback(error instanceof Error ? error : new Error(String(error))),
      );
    }
  }
  return new Requests();
}

type SendArguments<T> = Parameters<typeof kafka.Connection.prototype.send<T>>;
