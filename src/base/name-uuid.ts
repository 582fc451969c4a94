/** Names that are functions of what they name, so that work done again gives the same ones. */

import { createHash } from 'node:crypto';

import { type JsonValue, printJson } from './json.ts';

/** A UUID of version 8 (RFC 9562) from the SHA-256 of what it names: the same for the same JSON. */
export function nameUuid(name: JsonValue): string {
  const bytes = createHash('sha256').update(printJson(name), 'utf8').digest().subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString('hex');
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20),
  ].join('-');
}
