/** Avro schemas as things: what a schema's JSON says, checked, with every name resolved. Avro 1.12, "Schema Declaration". */

import type { JsonValue } from '../base/index.ts';

export type AvroPrimitiveName =
  'null' | 'boolean' | 'int' | 'long' | 'float' | 'double' | 'bytes' | 'string';

/** Logical types that are more here than the type below them; all others are as if they were not there. */
export type AvroLogical =
  | { readonly kind: 'decimal'; readonly precision: number; readonly scale: number }
  | {
      readonly kind:
        | 'date'
        | 'uuid'
        | 'time-millis'
        | 'time-micros'
        | 'timestamp-millis'
        | 'timestamp-micros'
        | 'local-timestamp-millis'
        | 'local-timestamp-micros';
    };

export interface AvroPrimitive {
  readonly kind: AvroPrimitiveName;
  readonly logical: AvroLogical | null;
}

export interface AvroArray {
  readonly kind: 'array';
  readonly items: AvroSchema;
}

/** Keys are texts. */
export interface AvroMap {
  readonly kind: 'map';
  readonly values: AvroSchema;
}

export interface AvroUnion {
  readonly kind: 'union';
  /** At least one; none is a union itself. */
  readonly branches: readonly AvroSchema[];
}

/** What named types have in common. */
export interface AvroNamed {
  /** Full: the namespace, a dot, and the name; without a namespace the name alone. */
  readonly name: string;
  /** Full names. */
  readonly aliases: readonly string[];
}

export interface AvroEnum extends AvroNamed {
  readonly kind: 'enum';
  readonly symbols: readonly string[];
  /** What a reader takes for a symbol it does not know; null where it has none. */
  readonly default: string | null;
}

export interface AvroFixed extends AvroNamed {
  readonly kind: 'fixed';
  readonly sizeBytes: number;
  readonly logical: AvroLogical | null;
}

export interface AvroField {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly type: AvroSchema;
  /** As the schema says it, and as bytes of `type`; null where there is none. */
  readonly default: { readonly json: JsonValue; readonly bytes: Uint8Array } | null;
}

export interface AvroRecord extends AvroNamed {
  readonly kind: 'record';
  readonly fields: readonly AvroField[];
}

/** A finite tree: a type that holds itself is refused when the schema is parsed. */
export type AvroSchema =
  AvroPrimitive | AvroArray | AvroMap | AvroUnion | AvroEnum | AvroFixed | AvroRecord;

/** What is wrong with one message. */
export interface AvroFault {
  /** Stable: `AVRO_TRUNCATED`, `AVRO_BAD_UTF8`, … */
  readonly code: string;
  /** For people; holds nothing of the message's content. */
  readonly reason: string;
}
