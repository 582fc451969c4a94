/** Logical types. Avro 1.12, "Logical Types": one that is unknown, or does not fit its type, is as if it were not there. */

import type { JsonObject } from '../base/index.ts';
import type { AvroLogical, AvroPrimitiveName } from './types.ts';

/** The logical type of a primitive one. */
export function logicalOf(type: AvroPrimitiveName, json: JsonObject): AvroLogical | null {
  const logical = json['logicalType'];
  switch (type) {
    case 'int':
      return logical === 'date' || logical === 'time-millis' ? { kind: logical } : null;
    case 'long':
      switch (logical) {
        case 'time-micros':
        case 'timestamp-millis':
        case 'timestamp-micros':
        case 'local-timestamp-millis':
        case 'local-timestamp-micros':
          return { kind: logical };
        default:
          return null;
      }
    case 'string':
      return logical === 'uuid' ? { kind: logical } : null;
    case 'bytes':
      return decimalOf(json, null);
    default:
      return null;
  }
}

/** The decimal that bytes, or a fixed of `sizeBytes`, hold. */
export function decimalOf(json: JsonObject, sizeBytes: number | null): AvroLogical | null {
  const { logicalType, precision, scale = 0 } = json;
  if (logicalType !== 'decimal' || !isCount(precision) || !isCount(scale)) return null;
  if (precision === 0 || scale > precision) return null;
  if (sizeBytes !== null && precision > digitsMax(sizeBytes)) return null;
  return { kind: 'decimal', precision, scale };
}

/** Digits that every number of so many of them fits `sizeBytes` in two's complement. */
function digitsMax(sizeBytes: number): number {
  return sizeBytes === 0 ? 0 : Math.floor(Math.log10(2) * (8 * sizeBytes - 1));
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
