import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { isJsonObject, type JsonObject, type JsonValue } from '../../src/base/index.ts';
import { decodeAll, decoderOf, oracle } from './messages.ts';
import { type Kind, record, recordKind } from './schemas.ts';

type Change = 'keep' | 'drop' | 'alias' | 'nullable' | 'promote' | 'nest';

const change = fc.constantFrom<Change>('keep', 'drop', 'alias', 'nullable', 'promote', 'nest');

/** A writer's schema with messages, and a reader's that follows from it by a change to each field, and a new field. */
const evolutions = recordKind.chain((kind) =>
  fc.record({
    kind: fc.constant(kind),
    values: fc.array(kind.value, { minLength: 1, maxLength: 4 }),
    changes: fc.array(change, { minLength: 8, maxLength: 8 }),
    isReversed: fc.boolean(),
  }),
);

const PROMOTIONS: Readonly<Record<string, string>> = {
  int: 'long',
  long: 'double',
  float: 'double',
  string: 'bytes',
};

/** The schema of a field as the reader has it, and what becomes of a value of the row. */
function changed(type: JsonValue, how: Change): [JsonValue, (value: unknown) => unknown] {
  const keep = (value: unknown): unknown => value;
  if (how === 'nullable' && !Array.isArray(type)) return [['null', type], keep];
  const target = typeof type === 'string' ? PROMOTIONS[type] : undefined;
  if (how !== 'promote' || target === undefined) return [type, keep];
  if (target === 'long') return [target, (value) => BigInt(String(value))];
  if (target === 'double') return [target, Number];
  return [target, (value) => Uint8Array.from(Buffer.from(String(value)))];
}

interface Evolution {
  readonly reader: JsonValue;
  readonly row: (row: Record<string, unknown>) => Record<string, unknown>;
}

function evolve(kind: Kind, changes: readonly Change[], isReversed: boolean): Evolution {
  const schema = isJsonObject(kind.schema) ? kind.schema : {};
  const fields: JsonObject[] = [];
  const moves: ((from: Record<string, unknown>, to: Record<string, unknown>) => void)[] = [];
  const written = Array.isArray(schema['fields']) ? schema['fields'] : [];
  for (const [index, field] of written.entries()) {
    const how = changes[index] ?? 'keep';
    const name = String(field.name);
    if (how === 'drop') continue;
    const [type, convert] = changed(field.type, how);
    const own = how === 'alias' ? `renamed_${name}` : name;
    fields.push({ name: own, type, ...(how === 'alias' ? { aliases: [name] } : {}) });
    moves.push((from, to) => {
      to[own] = convert(from[name]);
    });
  }
  fields.push({ name: 'NEW', type: ['null', 'string'], default: null });
  fields.push({ name: 'LIST', type: { type: 'array', items: 'long' }, default: [7, -7] });
  moves.push((_, to) => Object.assign(to, { NEW: null, LIST: [7n, -7n] }));
  if (isReversed) fields.reverse();
  const row = (from: Record<string, unknown>): Record<string, unknown> => {
    const to = {};
    for (const move of moves) move(from, to);
    return to;
  };
  return { reader: { ...schema, fields }, row };
}

describe('a reader whose schema has evolved', () => {
  it('sees of every message what its schema says', async () => {
    const property = fc.asyncProperty(evolutions, async ({ kind, values, changes, isReversed }) => {
      const { reader, row } = evolve(kind, changes, isReversed);
      const type = oracle(kind.schema);
      const decoder = await decoderOf(kind.schema, reader);
      const rows = await decodeAll(
        decoder,
        values.map((value) => type.toBuffer(value)),
      );
      expect(rows).toEqual(values.map((value) => row(asRow(kind.row(value)))));
    });
    await fc.assert(property, { numRuns: 300 });
  });

  it('agrees with what avsc resolves', async () => {
    const property = fc.asyncProperty(evolutions, async ({ kind, values, changes, isReversed }) => {
      const { reader } = evolve(kind, changes, isReversed);
      const [writerType, readerType] = [oracle(kind.schema), oracle(reader)];
      const resolver = readerType.createResolver(writerType);
      const names = fieldNames(reader);
      const decoder = await decoderOf(kind.schema, reader);
      const messages = values.map((value) => writerType.toBuffer(value));
      const rows = await decodeAll(decoder, messages);
      const expected = messages.map((message) => readerType.fromBuffer(message, resolver));
      // Both know the same fields, and have a value for the same ones.
      for (const [index, row] of rows.entries()) {
        const theirs = expected[index] as Record<string, unknown>;
        for (const name of names) expect(row[name] === null).toBe(theirs[name] === null);
      }
    });
    await fc.assert(property, { numRuns: 100 });
  });
});

describe('a reader of nothing but a new field', () => {
  it('passes over whatever the writer wrote', async () => {
    const one = recordKind.chain((kind) =>
      fc.tuple(fc.constant(kind), fc.array(kind.value, { minLength: 1, maxLength: 4 })),
    );
    const property = fc.asyncProperty(one, async ([kind, values]) => {
      const outer = record([['inner', kind]]);
      const name = isJsonObject(outer.schema) ? (outer.schema['name'] ?? '') : '';
      const reader = {
        type: 'record',
        name,
        fields: [{ name: 'seen', type: 'boolean', default: true }],
      };
      const type = oracle(outer.schema);
      const messages = values.map((inner) => type.toBuffer({ inner }));
      const decoder = await decoderOf(outer.schema, reader);
      const rows = await decodeAll(decoder, messages);
      expect(rows).toEqual(values.map(() => ({ seen: true })));
      for (const message of messages) {
        const cut = decoder.append(message, 0, message.length - 1);
        expect(cut === null ? 'row' : cut.code).toMatch(/^AVRO_/);
      }
    });
    await fc.assert(property, { numRuns: 200 });
  });
});

function fieldNames(schema: JsonValue): string[] {
  const fields = isJsonObject(schema) ? schema['fields'] : [];
  return Array.isArray(fields) ? fields.map((field) => String(field.name)) : [];
}

function asRow(value: unknown): Record<string, unknown> {
  return value as Record<string, unknown>;
}
