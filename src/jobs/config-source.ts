/** The part of a configuration that says where rows come from: files, topics, brokers and the registry of schemas. */

import { parseDdl, readTimestamp, type StructType } from '../schema/index.ts';
import type {
  FilesSource,
  KafkaConfig,
  KafkaSource,
  RegistryConfig,
  StartingOffsets,
} from './job.ts';
import type { ConfigInput, JobInput } from './config-shape.ts';
import { configInvalid } from './errors.ts';

type SourceInput<Kind> = Extract<JobInput['source'], { readonly kind: Kind }>;

interface Place {
  readonly lake: string;
  /** An absolute URI. */
  readonly locate: (location: string) => string;
  /** An absolute path of a file that is named in the configuration. */
  readonly path: (file: string) => string;
}

export function filesSource(input: SourceInput<'files'>, place: Place): FilesSource {
  return {
    kind: 'files',
    location: place.locate(input.location),
    schema: parseDdl(input.schema),
    limits: {
      filesMax: input.maxFilesPerBatch ?? Infinity,
      bytesMax: input.maxBytesPerBatch ?? Infinity,
    },
  };
}

/** `name` is the job's, for messages. Errors: `CONFIG_INVALID`. */
export function kafkaSource(name: string, input: SourceInput<'kafka'>): KafkaSource {
  const { topics, value } = input;
  return {
    kind: 'kafka',
    topics:
      'pattern' in topics
        ? { pattern: new RegExp(`^(?:${topics.pattern})$`, 'u') }
        : { names: topics },
    startingOffsets: startingOffsets(name, input.startingOffsets ?? 'earliest'),
    onDataLoss: input.onDataLoss ?? 'fail',
    isolation: input.isolation ?? 'read_committed',
    maxOffsetsPerBatch: input.maxOffsetsPerBatch ?? OFFSETS_PER_BATCH_MAX,
    value: value.format === 'json' ? { format: 'json', schema: parseDdl(value.schema) } : value,
    headers: input.headers === undefined ? NO_COLUMNS : parseDdl(input.headers),
    dateFrom: input.dateFrom ?? null,
    tombstones: (input.tombstones ?? 'keep') === 'keep',
  };
}

export function resolveKafka(input: ConfigInput['kafka'], place: Place): KafkaConfig | null {
  if (input === undefined) return null;
  if ('recorded' in input) {
    return {
      kind: 'recorded',
      recorded: place.locate(input.recorded),
      produced:
        input.produced === undefined ? `${place.lake}/_topics` : place.locate(input.produced),
    };
  }
  const { brokers, sasl, tls } = input;
  const file = (path: string | undefined): string | null =>
    path === undefined ? null : place.path(path);
  const files = tls === true || tls === undefined || tls === false ? {} : tls;
  return {
    kind: 'brokers',
    brokers: (typeof brokers === 'string' ? brokers.split(',') : brokers).map((it) => it.trim()),
    clientId: input.clientId ?? null,
    sasl: sasl ?? null,
    tls:
      tls === undefined || tls === false
        ? null
        : {
            ca: file(files.ca),
            cert: file(files.cert),
            key: file(files.key),
            serverName: files.serverName ?? null,
          },
  };
}

export function resolveRegistry(
  input: ConfigInput['registry'],
  locate: Place['locate'],
): RegistryConfig | null {
  return input === undefined ? null : { url: locate(input.url), auth: input.auth ?? null };
}

/** What one batch takes at most where the job does not say: some hundred megabytes of messages. */
const OFFSETS_PER_BATCH_MAX = 1_000_000;
const NO_COLUMNS: StructType = { kind: 'struct', fields: [] };

function startingOffsets(
  name: string,
  input: NonNullable<SourceInput<'kafka'>['startingOffsets']>,
): StartingOffsets {
  if (typeof input === 'string') return input;
  if ('timestamp' in input) {
    const time = readTimestamp(input.timestamp);
    if (time !== null) return { timestampMs: Number(time.micros / 1000n) };
    throw configInvalid(
      `jobs.${name}.source.startingOffsets.timestamp`,
      'must be a time (ISO 8601)',
    );
  }
  const topics = Object.entries(input.offsets).map(([topic, partitions]) => {
    const offsets = Object.entries(partitions).map(
      ([partition, offset]) => [Number(partition), offset] as const,
    );
    return [topic, new Map(offsets)] as const;
  });
  return { offsets: new Map(topics) };
}
