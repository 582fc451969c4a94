/** The envelope of Confluent's serializers: a zero byte, the id of the schema in four bytes (highest first), the message. */

import type { AvroFault } from './types.ts';

export interface Envelope {
  /** The writer's schema in the registry; 0 to 2^32 - 1. */
  readonly schemaId: number;
  /** Where the message begins. */
  readonly start: number;
}

const ENVELOPE_BYTES = 5;

/** Opens the envelope in bytes `start` (inclusive) to `end` (exclusive), or answers `AVRO_NO_ENVELOPE`. */
export function openEnvelope(
  bytes: Uint8Array,
  start = 0,
  end = bytes.length,
): Envelope | AvroFault {
  const message = start + ENVELOPE_BYTES;
  if (message > end || bytes[start] !== 0) return NO_ENVELOPE;
  let schemaId = 0;
  for (let at = start + 1; at < message; at += 1) schemaId = schemaId * 256 + (bytes[at] ?? 0);
  return { schemaId, start: message };
}

/** Puts a message into an envelope. */
export function sealEnvelope(schemaId: number, message: Uint8Array): Buffer {
  const sealed = Buffer.alloc(ENVELOPE_BYTES + message.length);
  sealed.writeUInt32BE(schemaId, 1);
  sealed.set(message, ENVELOPE_BYTES);
  return sealed;
}

const NO_ENVELOPE: AvroFault = {
  code: 'AVRO_NO_ENVELOPE',
  reason: 'the value does not begin with a zero byte and the id of a schema',
};
