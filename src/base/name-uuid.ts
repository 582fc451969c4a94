/** Names that are functions of what they name, so that work done again gives the same ones. */

import { hash } from 'node:crypto';

import { type JsonValue, printJson } from './json.ts';

/** A UUID of version 8 (RFC 9562) from the SHA-256 of what it names: the same for the same JSON. */
export function nameUuid(name: JsonValue): string {
  const hex = hash('sha256', printJson(name));
  const variant = '89ab'.charAt(Number.parseInt(hex.charAt(16), 16) % 4);
  const last = variant + hex.slice(17, 20);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${last}-${hex.slice(20, 32)}`;
}
