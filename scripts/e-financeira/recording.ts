/** A topic and a registry as folders: what the pipeline runs on where there is no broker. */

import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import type { EventMessage } from './events.ts';

/**
 * Writes the messages as the recording of an empty topic: `topics/<topic>/<partition>.ndjson` below `folder`, one line a record.
 */
export async function recordTopic(
  folder: string,
  of: {
    readonly topic: string;
    readonly partitionCount: number;
    readonly messages: Iterable<EventMessage>;
  },
): Promise<void> {
  const lines = Array.from({ length: of.partitionCount }, (): string[] => []);
  for (const message of of.messages) {
    const partition = lines[message.partition];
    partition?.push(recordLine(message, partition.length));
  }
  for (const [partition, records] of lines.entries()) {
    await write(join(folder, 'topics', of.topic, `${String(partition)}.ndjson`), records.join(''));
  }
}

/** A subject of the registry: its schemas in the order of their versions, which count from 1. */
export interface Subject {
  readonly subject: string;
  readonly schemas: readonly { readonly id: number; readonly schema: string }[];
}

/** Writes the answers of a registry (Confluent's API) that holds these subjects, each at its path below `folder`. */
export async function recordRegistry(folder: string, subjects: readonly Subject[]): Promise<void> {
  for (const { subject, schemas } of subjects) {
    for (const [index, { id, schema }] of schemas.entries()) {
      const version = { subject, version: index + 1, id, schema };
      await answer(folder, `schemas/ids/${String(id)}`, { schema });
      await answer(folder, `subjects/${subject}/versions/${String(index + 1)}`, version);
      await answer(folder, `subjects/${subject}/versions/latest`, version);
    }
  }
}

function recordLine({ key, value, headers, timestampMs }: EventMessage, offset: number): string {
  const line = {
    offset,
    timestamp: timestampMs,
    key: base64(key),
    value: base64(value),
    headers: headers.map(([name, bytes]) => [name, base64(bytes)]),
  };
  return `${JSON.stringify(line)}\n`;
}

function base64(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : Buffer.from(bytes).toString('base64');
}

async function answer(folder: string, path: string, body: object): Promise<void> {
  await write(join(folder, `${path}.json`), `${JSON.stringify(body)}\n`);
}

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}
