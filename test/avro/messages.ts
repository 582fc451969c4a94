/** Messages written by `avsc`, the oracle, and rows of what we read of them. */

import * as avsc from 'avsc';
import type * as Arrow from 'apache-arrow';
import type { Data, Table } from 'apache-arrow';

import { type JsonValue, printJson } from '../../src/base/index.ts';
import { type AvroDecoder, compileDecoder, parseAvroSchema } from '../../src/avro/index.ts';
import { memorySource, readFooter, readRows, writeParquet } from '../../src/parquet/index.ts';
import { rowsOfBatch } from '../../src/parquet/rows.ts';

/** `avsc` with 64-bit numbers as `bigint`. */
const long = avsc.types.LongType.__with({
  fromBuffer: (bytes: Buffer) => bytes.readBigInt64LE(),
  toBuffer: (value: bigint) => Buffer.from(BigInt64Array.of(value).buffer),
  fromJSON: BigInt,
  toJSON: Number,
  isValid: (value: unknown) => typeof value === 'bigint',
  compare: (left: bigint, right: bigint) => Number(left > right) - Number(left < right),
});

export function oracle(schema: JsonValue): avsc.Type {
  return avsc.Type.forSchema(JSON.parse(printJson(schema)), {
    // The registry of types is asked for plain names only.
    typeHook: (type) => (isLong(type) ? long : undefined),
    wrapUnions: true,
  });
}

function isLong(schema: unknown): boolean {
  if (typeof schema === 'object' && schema !== null && 'type' in schema) return isLong(schema.type);
  return schema === 'long';
}

export async function decoderOf(schema: JsonValue, reader?: JsonValue): Promise<AvroDecoder> {
  const writer = parseAvroSchema(printJson(schema));
  if (reader === undefined) return compileDecoder(writer);
  return compileDecoder(writer, { reader: parseAvroSchema(printJson(reader)) });
}

/** What is read of the messages, each of which must be good. */
export async function decodeAll(
  decoder: AvroDecoder,
  messages: readonly Uint8Array[],
): Promise<Record<string, unknown>[]> {
  decoder.start();
  for (const message of messages) {
    const fault = decoder.append(message, 0, message.length);
    if (fault !== null) throw new Error(`${fault.code}: ${fault.reason}`);
  }
  return rowsOf(decoder.finish());
}

/** A row that is null as a whole comes out as one with nulls only. */
export async function rowsOf(data: Data): Promise<Record<string, unknown>[]> {
  const arrow = await import('apache-arrow');
  return tableOf(arrow, data).batches.flatMap((batch) => [...rowsOfBatch(arrow, batch)]);
}

/** As `rowsOf`, by way of a Parquet file. */
export async function parquetRowsOf(data: Data): Promise<Record<string, unknown>[]> {
  const table = tableOf(await import('apache-arrow'), data);
  const source = memorySource('messages', await writeParquet(table));
  return Array.fromAsync(readRows(source, await readFooter(source)));
}

function tableOf(arrow: typeof Arrow, { type, length, nullCount, buffers, children }: Data): Table {
  const struct = new arrow.Struct(type.children);
  const data = new arrow.Data(struct, 0, length, nullCount, buffers, children);
  return new arrow.Table(new arrow.RecordBatch(new arrow.Schema(type.children), data));
}

export function envelopeless(...bytes: number[]): Uint8Array {
  return Uint8Array.from(bytes);
}
