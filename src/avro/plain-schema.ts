/** Schemas as `avsc` takes them to encode: names in full, nothing referred to elsewhere, without logical types. */

import type { JsonValue } from '../base/index.ts';
import type { AvroSchema } from './types.ts';

/** What is written is the same as by `schema`; defaults and aliases, which only readers ask for, are left out. */
export function plainSchema(schema: AvroSchema): JsonValue {
  return plain(schema, new Set());
}

/** `declared` are the names said before, which are referred to from then on. */
function plain(schema: AvroSchema, declared: Set<string>): JsonValue {
  if ('name' in schema) {
    if (declared.has(schema.name)) return schema.name;
    declared.add(schema.name);
  }
  switch (schema.kind) {
    case 'union':
      return schema.branches.map((branch) => plain(branch, declared));
    case 'array':
      return { type: 'array', items: plain(schema.items, declared) };
    case 'map':
      return { type: 'map', values: plain(schema.values, declared) };
    case 'enum':
      return { type: 'enum', name: schema.name, symbols: schema.symbols };
    case 'fixed':
      return { type: 'fixed', name: schema.name, size: schema.sizeBytes };
    case 'record': {
      const fields = schema.fields.map(({ name, type }) => ({ name, type: plain(type, declared) }));
      return { type: 'record', name: schema.name, fields };
    }
    default:
      return schema.kind;
  }
}
