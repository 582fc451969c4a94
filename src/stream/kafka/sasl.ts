/** Says to a broker who asks: SASL, by the client library's mechanisms. */

import type * as kafka from '@platformatic/kafka';

import type { BrokerConnection } from './broker-connection.ts';
import type { KafkaSasl } from './connection-spec.ts';
import { type KafkaLibrary, libraryRequest } from './library.ts';

/**
 * How long the broker takes the connection for authenticated, in milliseconds; 0 for as long as it lives. Asks the providers
 * of `sasl` for its secrets. Throws the library's errors.
 */
export function authenticate(connection: BrokerConnection, sasl: KafkaSasl): Promise<number> {
  return libraryRequest(connection, async (library, node) => {
    await library.saslHandshakeV1.api.async(node, sasl.mechanism);
    const { authBytes, sessionLifetimeMs } = await proof(library, node, sasl);
    if (sasl.mechanism === 'OAUTHBEARER' && authBytes.length > 0) {
      // A broker that refuses a token does not answer with an error, but with a reason: RFC 7628, section 3.2.2.
      throw new library.AuthenticationError('the token was refused');
    }
    return Number(sessionLifetimeMs);
  });
}

function proof(
  library: KafkaLibrary,
  node: kafka.Connection,
  sasl: KafkaSasl,
): ReturnType<KafkaLibrary['saslPlain']['authenticate']> {
  const { api } = library.saslAuthenticateV2;
  const { saslOAuthBearer, saslPlain, saslScramSha } = library;
  if (sasl.mechanism === 'OAUTHBEARER') {
    return saslOAuthBearer.authenticate(api, node, sasl.token, { ...sasl.extensions });
  }
  const { mechanism, username, password } = sasl;
  if (mechanism === 'PLAIN') return saslPlain.authenticate(api, node, username, password);
  const algorithm = mechanism === 'SCRAM-SHA-256' ? 'SHA-256' : 'SHA-512';
  return saslScramSha.authenticate(api, node, algorithm, username, password);
}
