/** Vectors of the native engine → plain values. */

import type * as DuckApi from '@duckdb/node-api';
import type { DuckDBType, DuckDBValue, DuckDBVector } from '@duckdb/node-api';

import { present } from '../base/index.ts';
import { fieldUnreadable, valueUnsupported } from './errors.ts';
import type { EngineValue } from './types.ts';

type Convert = (value: DuckDBValue) => EngineValue;

/** Converts columns, by the type each vector has. */
export class ValueReader {
  readonly #api: typeof DuckApi;

  constructor(api: typeof DuckApi) {
    this.#api = api;
  }

  /** The first `rowCount` values of a vector. */
  column(vector: DuckDBVector, rowCount: number): EngineValue[] {
    const convert = this.#converter(vector.type);
    const values: EngineValue[] = [];
    for (let index = 0; index < rowCount; index += 1) {
      const item = vector.getItem(index);
      values.push(item === null ? null : convert(item));
    }
    return values;
  }

  #converter(type: DuckDBType): Convert {
    const id = this.#api.DuckDBTypeId;
    switch (type.typeId) {
      case id.SQLNULL:
        return () => null;
      case id.DATE:
        return (value) =>
          value instanceof this.#api.DuckDBDateValue ? value.days : mismatch(type);
      case id.TIMESTAMP:
      case id.TIMESTAMP_TZ:
        return (value) =>
          value instanceof this.#api.DuckDBTimestampValue ||
          value instanceof this.#api.DuckDBTimestampTZValue
            ? value.micros
            : mismatch(type);
      case id.DECIMAL:
        return (value) =>
          value instanceof this.#api.DuckDBDecimalValue ? value.value : mismatch(type);
      case id.BLOB:
        return (value) =>
          value instanceof this.#api.DuckDBBlobValue
            ? Uint8Array.from(value.bytes)
            : mismatch(type);
      case id.UUID:
        return (value) =>
          value instanceof this.#api.DuckDBUUIDValue ? value.toString() : mismatch(type);
      default:
        return this.#nestedConverter(type);
    }
  }

  #nestedConverter(type: DuckDBType): Convert {
    const api = this.#api;
    if (type instanceof api.DuckDBListType) {
      const item = this.#nullable(type.valueType);
      return (value) =>
        value instanceof api.DuckDBListValue ? value.items.map(item) : mismatch(type);
    }
    if (type instanceof api.DuckDBStructType) {
      // The binding makes objects by assignment, which sets no such member.
      if (type.entryNames.includes('__proto__')) throw fieldUnreadable('__proto__');
      const fields = type.entryNames.map((name, index) => ({
        name,
        convert: this.#nullable(present(type.entryTypes[index], 'the type of a struct field')),
      }));
      return (value) =>
        value instanceof api.DuckDBStructValue
          ? Object.fromEntries(
              fields.map(({ name, convert }) => [name, convert(value.entries[name] ?? null)]),
            )
          : mismatch(type);
    }
    if (type instanceof api.DuckDBMapType) {
      const key = this.#nullable(type.keyType);
      const item = this.#nullable(type.valueType);
      return (value) =>
        value instanceof api.DuckDBMapValue
          ? value.entries.map((entry) => [key(entry.key), item(entry.value)])
          : mismatch(type);
    }
    return (value) => plain(value, type);
  }

  #nullable(type: DuckDBType): Convert {
    const convert = this.#converter(type);
    return (value) => (value === null ? null : convert(value));
  }
}

function plain(value: DuckDBValue, type: DuckDBType): EngineValue {
  switch (typeof value) {
    case 'boolean':
    case 'number':
    case 'bigint':
    case 'string':
      return value;
    default:
      return mismatch(type);
  }
}

function mismatch(type: DuckDBType): never {
  throw valueUnsupported(type.toString());
}
