/** The broker and the registry that a configuration names, opened. */

import { readFile } from 'node:fs/promises';

import { openRegistry, type SchemaRegistry } from '../avro/index.ts';
import { present } from '../base/index.ts';
import {
  type Broker,
  type KafkaConnection,
  type KafkaSasl,
  type KafkaTls,
  openBroker,
  openRecordedBroker,
} from '../stream/index.ts';
import type { Config, KafkaConfig, KafkaSource, SaslConfig, Secret, TlsConfig } from './job.ts';
import { fileMissing, secretMissing } from './errors.ts';
import type { JobContext } from './job-context.ts';

/** Errors: `KAFKA_CONNECTION_INVALID`, `CONFIG_FILE_MISSING`; of a secret, when it is first needed, `SECRET_MISSING`. */
export async function openBrokerOf(
  config: Config,
  context: JobContext,
  isolation: KafkaSource['isolation'] = 'read_committed',
): Promise<Broker> {
  const kafka = present(config.kafka, 'the brokers of a job with a topic');
  const { clock, random, openStore } = context;
  if (kafka.kind === 'recorded') {
    return openRecordedBroker({
      read: openStore(kafka.recorded),
      write: openStore(kafka.produced),
    });
  }
  return openBroker(await connectionOf(kafka, context), { clock, random, isolation });
}

/** Errors: those of `openRegistry`, `SECRET_MISSING`. */
export async function openRegistryOf(config: Config, context: JobContext): Promise<SchemaRegistry> {
  const { url, auth } = present(config.registry, 'the registry of a job with Avro');
  const { clock, random } = context;
  const secret = secretsOf(context);
  if (auth === null) return openRegistry({ url, clock, random });
  const credentials =
    'token' in auth
      ? ({ kind: 'bearer', token: await secret(auth.token)() } as const)
      : ({
          kind: 'basic',
          username: await secret(auth.username)(),
          password: await secret(auth.password)(),
        } as const);
  return openRegistry({ url, clock, random, auth: credentials });
}

async function connectionOf(
  kafka: Extract<KafkaConfig, { readonly kind: 'brokers' }>,
  context: JobContext,
): Promise<KafkaConnection> {
  const { brokers, clientId, sasl, tls } = kafka;
  return {
    brokers,
    ...(clientId === null ? {} : { clientId }),
    ...(sasl === null ? {} : { sasl: saslOf(sasl, context) }),
    ...(tls === null ? {} : { tls: await tlsOf(tls) }),
  };
}

function saslOf(sasl: SaslConfig, context: JobContext): KafkaSasl {
  const secret = secretsOf(context);
  if (sasl.mechanism === 'OAUTHBEARER') {
    return { mechanism: sasl.mechanism, token: secret(sasl.token) };
  }
  const { mechanism, username, password } = sasl;
  return { mechanism, username: secret(username), password: secret(password) };
}

async function tlsOf({ ca, cert, key, serverName }: TlsConfig): Promise<boolean | KafkaTls> {
  if (ca === null && cert === null && key === null && serverName === null) return true;
  return {
    ...(ca === null ? {} : { ca: await readPem(ca) }),
    ...(cert === null ? {} : { cert: await readPem(cert) }),
    ...(key === null ? {} : { key: () => readPem(key) }),
    ...(serverName === null ? {} : { serverName }),
  };
}

/** Secrets are asked for when they are needed, and kept nowhere. */
function secretsOf({ secret }: JobContext): (of: Secret) => () => Promise<string> {
  return (of) => async () => {
    if (secret !== undefined) return secret(of);
    if (typeof of === 'string') return of;
    throw secretMissing(of.env);
  };
}

async function readPem(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw fileMissing(path, error);
  }
}
