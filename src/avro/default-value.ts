/** Defaults of fields, which schemas give as JSON. Avro 1.12, "Complex Types", "Records". */

import { isJsonObject, JsonNumber, type JsonValue, unreachable } from '../base/index.ts';
import type { AvroRecord, AvroSchema } from './types.ts';

const INT_MAX = 2n ** 31n - 1n;
const LONG_MAX = 2n ** 63n - 1n;

/**
 * The bytes of the value that `json` says, as a message would hold it; null where it says none of this type. The default
 * of a union is a value of its first branch that has it.
 */
export function encodeDefault(type: AvroSchema, json: JsonValue): Uint8Array | null {
  switch (type.kind) {
    case 'null':
      return json === null ? Buffer.of() : null;
    case 'boolean':
      return typeof json === 'boolean' ? Buffer.of(json ? 1 : 0) : null;
    case 'int':
      return encodeInteger(json, INT_MAX);
    case 'long':
      return encodeInteger(json, LONG_MAX);
    case 'float':
    case 'double':
      return encodeFloating(json, type.kind);
    case 'bytes':
      return withLength(bytesOf(json));
    case 'string':
      return typeof json === 'string' && json.isWellFormed() ? withLength(Buffer.from(json)) : null;
    case 'fixed': {
      const bytes = bytesOf(json);
      return bytes?.length === type.sizeBytes ? bytes : null;
    }
    case 'enum': {
      const index = type.symbols.findIndex((symbol) => symbol === json);
      return index === -1 ? null : varint(BigInt(index));
    }
    case 'array':
      return Array.isArray(json)
        ? encodeItems(json, (item) => encodeDefault(type.items, item))
        : null;
    case 'map':
      return isJsonObject(json)
        ? encodeItems(Object.entries(json), ([key, value]) =>
            joined([withLength(Buffer.from(key)), encodeDefault(type.values, value ?? null)]),
          )
        : null;
    case 'union':
      return encodeBranch(type.branches, json);
    case 'record':
      return encodeRecord(type, json);
    default:
      return unreachable(type);
  }
}

function encodeRecord(type: AvroRecord, json: JsonValue): Uint8Array | null {
  if (!isJsonObject(json)) return null;
  return joined(
    type.fields.map((field) => {
      const value = Object.hasOwn(json, field.name) ? json[field.name] : undefined;
      return value === undefined
        ? (field.default?.bytes ?? null)
        : encodeDefault(field.type, value);
    }),
  );
}

function encodeBranch(branches: readonly AvroSchema[], json: JsonValue): Uint8Array | null {
  for (const [index, branch] of branches.entries()) {
    const bytes = encodeDefault(branch, json);
    if (bytes !== null) return joined([varint(BigInt(index)), bytes]);
  }
  return null;
}

function encodeItems<T>(
  items: readonly T[],
  encode: (item: T) => Uint8Array | null,
): Uint8Array | null {
  const end = varint(0n);
  if (items.length === 0) return end;
  return joined([varint(BigInt(items.length)), ...items.map(encode), end]);
}

function encodeInteger(json: JsonValue, max: bigint): Uint8Array | null {
  const isInteger =
    typeof json === 'bigint' || (typeof json === 'number' && Number.isInteger(json));
  if (!isInteger) return null;
  const value = BigInt(json);
  return value > max || value < -max - 1n ? null : varint(value);
}

function encodeFloating(json: JsonValue, kind: 'float' | 'double'): Uint8Array | null {
  const isNumber =
    typeof json === 'number' || typeof json === 'bigint' || json instanceof JsonNumber;
  if (!isNumber) return null;
  const value = Number(json);
  const bytes = Buffer.alloc(kind === 'float' ? 4 : 8);
  if (kind === 'float') bytes.writeFloatLE(value);
  else bytes.writeDoubleLE(value);
  return bytes;
}

/** Bytes are given as a text with a character, of U+0000 to U+00FF, for each. */
function bytesOf(json: JsonValue): Uint8Array | null {
  if (typeof json !== 'string') return null;
  for (let index = 0; index < json.length; index += 1) {
    if (json.charCodeAt(index) > 0xff) return null;
  }
  return Buffer.from(json, 'latin1');
}

function withLength(bytes: Uint8Array | null): Uint8Array | null {
  return bytes === null ? null : joined([varint(BigInt(bytes.length)), bytes]);
}

/** All of the parts, or nothing where one is missing. */
function joined(parts: readonly (Uint8Array | null)[]): Uint8Array | null {
  const present: Uint8Array[] = [];
  for (const part of parts) {
    if (part === null) return null;
    present.push(part);
  }
  return Buffer.concat(present);
}

/** Zig-zag, seven bits a byte, the lowest first. */
function varint(value: bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  bytes.push(Number(rest));
  return Buffer.from(bytes);
}
