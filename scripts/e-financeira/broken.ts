/** Messages that no reader can take: a good one, broken in every way that a topic has seen. */

import { unreachable } from '../../src/base/index.ts';
import { ENVELOPE_SIZE_BYTES } from './encode.ts';

/** What is wrong with a message, in the order in which the generator goes through them. */
export const FAULTS = [
  'truncated-value',
  'tombstone',
  'bad-magic',
  'unknown-schema-id',
  'trailing-bytes',
  'missing-id',
  'unparsable-time',
  'hostile-length',
  'empty-value',
  'not-avro',
  'hostile-count',
  'bad-enum',
  'bad-utf8',
  'short-envelope',
  'missing-time',
  'negative-length',
] as const;

export type Fault = (typeof FAULTS)[number];

/** An id that no registry here gives out. */
export const UNKNOWN_SCHEMA_ID = 999_999;

export type Header = readonly [name: string, value: Uint8Array];

interface Contents {
  readonly value: Uint8Array | null;
  readonly headers: readonly Header[];
}

/** The message broken in this way. Its value must be of version 0 and have no `ocorrencias`: those bytes are found by place. */
export function breakMessage(fault: Fault, value: Buffer, headers: readonly Header[]): Contents {
  switch (fault) {
    case 'missing-id':
      return { value, headers: headers.filter(([name]) => name !== 'id') };
    case 'missing-time':
      return { value, headers: headers.filter(([name]) => name !== 'time') };
    case 'unparsable-time':
      return { value, headers: headers.map((header) => (header[0] === 'time' ? NO_TIME : header)) };
    default:
      return { value: brokenValue(fault, value), headers };
  }
}

const NO_TIME: Header = ['time', Buffer.from('ontem, 14h30')];

function brokenValue(
  fault: Exclude<Fault, 'missing-id' | 'missing-time' | 'unparsable-time'>,
  value: Buffer,
): Buffer | null {
  switch (fault) {
    case 'tombstone':
      return null;
    case 'empty-value':
      return Buffer.alloc(0);
    case 'short-envelope':
      return value.subarray(0, 3);
    case 'bad-magic':
      return patched(value, 0, [1]);
    case 'unknown-schema-id':
      return withSchemaId(value, UNKNOWN_SCHEMA_ID);
    case 'truncated-value':
      return value.subarray(0, Math.floor(value.length * 0.6));
    case 'trailing-bytes':
      return Buffer.concat([value, Buffer.from([2, 3, 5, 7])]);
    case 'hostile-length':
      // The first string says that it has 2^40 bytes.
      return Buffer.concat([value.subarray(0, ENVELOPE_SIZE_BYTES), varint(2n ** 40n)]);
    case 'negative-length':
      return patched(value, ENVELOPE_SIZE_BYTES, [0x0d]);
    case 'hostile-count':
      // The empty array at the end says that it has 2^40 items.
      return Buffer.concat([value.subarray(0, -1), varint(2n ** 40n)]);
    case 'bad-enum':
      return patched(value, placeAfterStrings(value, 3), [0x7e]);
    case 'bad-utf8':
      return patched(value, placeAfterStrings(value, 1) + 1, [0xc3, 0x28]);
    case 'not-avro':
      return Buffer.concat([
        value.subarray(0, ENVELOPE_SIZE_BYTES),
        Buffer.from('{"codigo_empresa":"00001","situacao":"SUCESSO"}'),
      ]);
    default:
      return unreachable(fault);
  }
}

function patched(value: Buffer, at: number, bytes: readonly number[]): Buffer {
  const copy = Buffer.from(value);
  copy.set(bytes, at);
  return copy;
}

function withSchemaId(value: Buffer, schemaId: number): Buffer {
  const copy = Buffer.from(value);
  copy.writeUInt32BE(schemaId, 1);
  return copy;
}

/** Where the field after the first `count` begins: those are strings shorter than 64 bytes, whose length is one byte. */
function placeAfterStrings(value: Buffer, count: number): number {
  let at = ENVELOPE_SIZE_BYTES;
  for (let i = 0; i < count; i += 1) at += 1 + value.readUInt8(at) / 2;
  return at;
}

/** A long as Avro has it: zigzag, seven bits a byte, lowest first (Avro's specification, "Binary Encoding"). */
function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = value << 1n;
  while (rest > 0x7fn) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  return Buffer.from([...bytes, Number(rest)]);
}
