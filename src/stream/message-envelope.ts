/** The columns of every message, whatever it holds. */

import {
  BINARY,
  type DataType,
  DATE,
  INTEGER,
  LONG,
  STRING,
  type StructField,
  type StructType,
  TIMESTAMP,
} from '../schema/index.ts';

/** The columns for the UTC day of a header, for what a value holds, and for a value as it is. */
export const DATE_COLUMN = 'date';
export const PAYLOAD_COLUMN = 'payload';
export const VALUE_COLUMN = 'value';
/** The types that a header's bytes can be read as. */
export const HEADER_TYPES: readonly DataType[] = [STRING, BINARY, TIMESTAMP];

export interface EnvelopeSpec {
  /** Headers that become columns, of `HEADER_TYPES`. */
  readonly headers: StructType;
  /** The header, a timestamp, whose day is `DATE_COLUMN`; null for no such column. */
  readonly dateFrom: string | null;
}

/** The columns of every message, before its payload: topic, partition, offset, timestamp, key, headers, date. */
export function envelopeSchema({ headers, dateFrom }: EnvelopeSpec): StructType {
  const date = dateFrom === null ? [] : [messageField(DATE_COLUMN, DATE)];
  return {
    kind: 'struct',
    fields: [
      messageField('topic', STRING),
      messageField('partition', INTEGER),
      messageField('offset', LONG),
      messageField('timestamp', TIMESTAMP),
      messageField('key', BINARY),
      ...headers.fields.map(({ name, type }) => messageField(name, type)),
      ...date,
    ],
  };
}

/** Every column may be null: what a message lacks is. */
export function messageField(name: string, type: DataType): StructField {
  return { name, type, nullable: true, metadata: {} };
}
