/**
 * The file of a recorded partition, `topics/<topic>/<partition>.ndjson`: a line a record, offsets rising, gaps allowed.
 *
 *     {"offset":0,"timestamp":1795000000000,"key":"<base64>"|null,"value":"<base64>"|null,"headers":[["id","<base64>"|null],…]}
 *     {"marker":{"group":"totals","value":3}}
 *
 * A marker stands behind the records of its transaction, in each partition of the topic, and has no offset.
 */

import { isJsonObject, type JsonObject, type JsonValue, parseJson } from '../../base/index.ts';
import { recordOf } from './batch-writer.ts';
import { recordingBroken } from './errors.ts';
import type { KafkaRecord, RecordFields } from './types.ts';

export interface Marker {
  readonly group: string;
  readonly value: number;
}

export interface RecordedPartition {
  readonly records: readonly KafkaRecord[];
  /** The last marker of each group. */
  readonly markers: ReadonlyMap<string, number>;
}

const TOPIC_FILE = /^topics\/([^/]+)\/(\d+)\.ndjson$/;

export function recordedFile(topic: string, partition: number): string {
  return `topics/${topic}/${String(partition)}.ndjson`;
}

/** Null for another file. */
export function readRecordedPath(path: string): { topic: string; partition: number } | null {
  const match = TOPIC_FILE.exec(path);
  return match === null ? null : { topic: match[1] ?? '', partition: Number(match[2]) };
}

/** Throws `KAFKA_RECORDING_BROKEN`. */
export function readRecording(file: string, bytes: Uint8Array): RecordedPartition {
  const records: KafkaRecord[] = [];
  const markers = new Map<string, number>();
  const lines = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString().split('\n');
  for (const [index, line] of lines.entries()) {
    if (line === '') continue;
    const read = readLine(line);
    if (typeof read === 'string') throw recordingBroken(file, index + 1, read);
    if ('group' in read) markers.set(read.group, read.value);
    else {
      if (read.offset <= (records.at(-1)?.offset ?? -1)) {
        throw recordingBroken(file, index + 1, 'its offset does not rise');
      }
      records.push(read);
    }
  }
  return { records, markers };
}

export function printRecord(record: RecordFields): string {
  const headers = record.headers.map(([name, value]) => [text(name), base64(value)]);
  const { offset, timestampMs: timestamp } = record;
  const [key, value] = [base64(record.key), base64(record.value)];
  return `${JSON.stringify({ offset, timestamp, key, value, headers })}\n`;
}

export function printMarker({ group, value }: Marker): string {
  return `${JSON.stringify({ marker: { group, value } })}\n`;
}

/** What the line says, or why it cannot be read. */
function readLine(line: string): KafkaRecord | Marker | string {
  let value: JsonValue;
  try {
    value = parseJson(line);
  } catch {
    // What is wrong with the JSON is of less use than which line it is.
    return 'a line is not JSON';
  }
  if (!isJsonObject(value)) return 'a line is not an object';
  return value['marker'] === undefined ? readRecord(value) : readMarker(value['marker']);
}

function readMarker(value: JsonValue | undefined): Marker | string {
  if (!isJsonObject(value)) return 'a marker is not an object';
  const { group, value: number } = value;
  if (typeof group !== 'string' || !isCount(number)) return 'a marker needs group and value';
  return { group, value: number };
}

function readRecord(line: JsonObject): KafkaRecord | string {
  const { offset, timestamp } = line;
  if (!isCount(offset)) return 'a record needs an offset, a whole number from 0';
  if (typeof timestamp !== 'number' || !Number.isSafeInteger(timestamp))
    return 'a record needs a timestamp in milliseconds';
  const key = readBytes(line['key'] ?? null);
  const value = readBytes(line['value'] ?? null);
  if (key === undefined || value === undefined) return 'key and value are base64 or null';
  const headers = readHeaders(line['headers'] ?? []);
  if (headers === null) return 'headers are pairs of a name and base64 or null';
  return recordOf({ offset, timestampMs: timestamp, key, value, headers });
}

function readHeaders(value: JsonValue): RecordFields['headers'] | null {
  if (!Array.isArray(value)) return null;
  const pairs: readonly JsonValue[] = value;
  const headers: [Uint8Array, Uint8Array | null][] = [];
  for (const pair of pairs) {
    if (!Array.isArray(pair)) return null;
    const [name, content]: readonly JsonValue[] = pair;
    const bytes = readBytes(content ?? null);
    if (typeof name !== 'string' || bytes === undefined) return null;
    headers.push([Buffer.from(name), bytes]);
  }
  return headers;
}

function readBytes(value: JsonValue): Uint8Array | null | undefined {
  if (value === null) return null;
  return typeof value === 'string' ? Buffer.from(value, 'base64') : undefined;
}

function isCount(value: JsonValue | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function base64(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : asBuffer(bytes).toString('base64');
}

function text(bytes: Uint8Array): string {
  return asBuffer(bytes).toString('utf8');
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
