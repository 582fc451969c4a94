/** Topics, recorded in memory, and what is read of them. */

import { ManualClock, seededRandom } from '../../src/base/index.ts';
import {
  compileEncoder,
  openRegistry,
  parseAvroSchema,
  type SchemaRegistry,
} from '../../src/avro/index.ts';
import { memoryStore } from '../../src/store/index.ts';
import {
  type Row,
  STRING,
  type StructType,
  TIMESTAMP,
  BINARY,
  type DataType,
} from '../../src/schema/index.ts';
import {
  KeySet,
  memorySource,
  type ParquetFooter,
  readFooter,
  readRows,
} from '../../src/parquet/index.ts';
import {
  type Broker,
  type OffsetRange,
  openRecordedBroker,
  type RecordFields,
} from '../../src/stream/kafka/index.ts';
import { printRecord } from '../../src/stream/kafka/recorded-file.ts';
import type { Payloads } from '../../src/stream/message-payloads.ts';
import {
  type DeadLetter,
  MessageReader,
  type MessageSpec,
  type ReadMessages,
  type ReadMessagesOptions,
} from '../../src/stream/message-reader.ts';
import type { MessageFile } from '../../src/stream/message-files.ts';

const clock = new ManualClock();

export type HeaderText = readonly [name: string, value: string | Uint8Array | null];

export interface Sent {
  readonly value: Uint8Array | string | null;
  readonly key?: string | null;
  readonly headers?: readonly HeaderText[];
  readonly timestampMs?: number;
}

export function bytesOf(value: string | Uint8Array): Uint8Array {
  return Uint8Array.from(Buffer.from(value));
}

export function recordAt(offset: number, sent: Sent): RecordFields {
  const { value, key = null, headers = [], timestampMs = 1_795_000_000_000 + offset } = sent;
  return {
    offset,
    timestampMs,
    key: key === null ? null : bytesOf(key),
    value: value === null ? null : bytesOf(value),
    headers: headers.map(([name, text]) => [bytesOf(name), text === null ? null : bytesOf(text)]),
  };
}

/** A topic `t`, each partition with its messages from offset 0 on. */
export async function topicOf(
  ...partitions: readonly (readonly Sent[])[]
): Promise<{ readonly broker: Broker; readonly ranges: readonly OffsetRange[] }> {
  const read = memoryStore({ clock });
  for (const [partition, messages] of partitions.entries()) {
    const lines = messages.map((sent, offset) => printRecord(recordAt(offset, sent)));
    await read.put(`topics/t/${partition}.ndjson`, Buffer.from(lines.join('')), { kind: 'create' });
  }
  const ranges = partitions.map(({ length }, partition) => ({
    topic: 't',
    partition,
    start: 0,
    end: length,
  }));
  return { broker: openRecordedBroker({ read, write: null }), ranges };
}

export function headersOf(types: Readonly<Record<string, 'text' | 'time' | 'bytes'>>): StructType {
  const byName: Readonly<Record<string, DataType>> = {
    text: STRING,
    time: TIMESTAMP,
    bytes: BINARY,
  };
  const fields = Object.entries(types).map(([name, kind]) => ({
    name,
    type: byName[kind] ?? STRING,
    nullable: true,
    metadata: {},
  }));
  return { kind: 'struct', fields };
}

export const PLAIN: MessageSpec = {
  headers: headersOf({}),
  dateFrom: null,
  required: [],
  key: null,
  tombstones: true,
  omit: new Set(),
  splitByDate: false,
  codec: 'snappy',
};

export interface Read extends ReadMessages {
  readonly letters: readonly DeadLetter[];
}

export async function readAll(
  { broker, ranges }: { readonly broker: Broker; readonly ranges: readonly OffsetRange[] },
  payloads: Payloads,
  spec: Partial<MessageSpec> = {},
  options: Partial<ReadMessagesOptions> = {},
): Promise<Read> {
  const reader = await MessageReader.open({ broker, payloads, spec: { ...PLAIN, ...spec } });
  const letters: DeadLetter[] = [];
  const read = await reader.read(ranges, {
    seen: new KeySet(),
    isKnown: null,
    onDeadLetter: (letter) => void letters.push(letter),
    ...options,
  });
  return { ...read, letters };
}

export function footerOf({ bytes }: MessageFile): Promise<ParquetFooter> {
  return readFooter(memorySource('file', bytes));
}

/** How many rows each row group has, file by file. */
export async function rowGroupsOf({ files }: ReadMessages): Promise<readonly number[]> {
  const footers = await Promise.all(files.map(footerOf));
  return footers.flatMap(({ rowGroups }) => rowGroups.map(({ rowCount }) => rowCount));
}

/** The rows of all files as readers of Parquet see them, file by file. */
export async function rowsOf({ files }: ReadMessages): Promise<Record<string, unknown>[]> {
  const rows: Record<string, unknown>[] = [];
  for (const { bytes } of files) {
    const source = memorySource('file', bytes);
    rows.push(...(await Array.fromAsync(readRows(source, await readFooter(source)))));
  }
  return rows;
}

export interface Evolving {
  readonly registry: SchemaRegistry;
  /** A value of a version, from 0, in its envelope. */
  readonly encode: (version: number, row: Row) => Buffer;
}

/** A registry in `folder` with the versions of one schema. */
export async function evolving(folder: string, versions: readonly object[]): Promise<Evolving> {
  const registry = openRegistry({ url: `file://${folder}`, clock, random: seededRandom(1) });
  const encoders: ((row: Row) => Buffer)[] = [];
  for (const [index, version] of versions.entries()) {
    const id = await registry.register(`s${index}`, JSON.stringify(version));
    encoders.push(await compileEncoder(parseAvroSchema(JSON.stringify(version)), id));
  }
  return {
    registry,
    encode: (version, row) => {
      const encode = encoders[version];
      if (encode === undefined) throw new Error(`there is no version ${version}`);
      return encode(row);
    },
  };
}
