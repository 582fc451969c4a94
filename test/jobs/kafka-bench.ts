/** Jobs that read a topic which is recorded, message by message, as JSON. */

import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { ConfigInput, JobInput } from '../../src/jobs/index.ts';
import { JobBench } from './bench.ts';

export type TopicSource = Extract<JobInput['source'], { readonly kind: 'kafka' }>;

export interface Recorded {
  readonly offset: number;
  /** A text is taken as it is; null is a tombstone. */
  readonly value: object | string | null;
  /** Default: a second for each offset. */
  readonly timestampMs?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

export const TOPIC = 'pedidos';

export const SOURCE: TopicSource = {
  kind: 'kafka',
  topics: [TOPIC],
  value: { format: 'json', schema: 'id BIGINT, cliente STRING' },
};

/** The job `pedidos`, from the topic to the table `d.pedidos`. */
export function kafkaConfig(
  source: Partial<TopicSource> = {},
  job: Partial<JobInput> = {},
  config: Partial<ConfigInput> = {},
): ConfigInput {
  return {
    lake: { location: 'lake' },
    database: 'd',
    kafka: { recorded: 'recorded', produced: 'produced' },
    jobs: {
      pedidos: {
        source: { ...SOURCE, ...source },
        sink: { kind: 'append', table: 'pedidos' },
        ...job,
      },
    },
    ...config,
  };
}

export async function openKafkaBench(...parts: Parameters<typeof kafkaConfig>): Promise<JobBench> {
  return JobBench.open(kafkaConfig(...parts));
}

/** What a partition holds from now on. */
export async function record(
  bench: JobBench,
  records: readonly Recorded[],
  { topic = TOPIC, partition = 0 }: { readonly topic?: string; readonly partition?: number } = {},
): Promise<void> {
  const folder = join(bench.folder, 'recorded/topics', topic);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, `${String(partition)}.ndjson`), records.map(lineOf).join(''));
}

/** The topic as it was before anything was recorded. */
export async function forgetTopic(bench: JobBench, topic = TOPIC): Promise<void> {
  await rm(join(bench.folder, 'recorded/topics', topic), { recursive: true });
}

/** Orders of these offsets. */
export function orders(first: number, last: number): Recorded[] {
  return Array.from({ length: last - first + 1 }, (_, index) => ({
    offset: first + index,
    value: { id: first + index, cliente: 'Inês' },
  }));
}

function lineOf({ offset, value, timestampMs = offset * 1000, headers = {} }: Recorded): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return `${JSON.stringify({
    offset,
    timestamp: timestampMs,
    key: null,
    value: value === null ? null : base64(text),
    headers: Object.entries(headers).map(([name, content]) => [name, base64(content)]),
  })}\n`;
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
