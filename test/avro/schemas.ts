/** Random schemas of all kinds that have columns, with values for them as `avsc` takes and gives them. */

import * as fc from 'fast-check';

import { isJsonObject, type JsonValue, printJson } from '../../src/base/index.ts';

/** A schema as JSON, values of it in the form of `avsc` with wrapped unions, and what a row holds of such a value. */
export interface Kind {
  readonly schema: JsonValue;
  readonly value: fc.Arbitrary<unknown>;
  /** As `readRows` and `rowsOfBatch` give it. */
  readonly row: (value: unknown) => unknown;
}

let names = 0;

const same = (value: unknown): unknown => value;
const kind = (
  schema: JsonValue,
  value: fc.Arbitrary<unknown>,
  row: (value: unknown) => unknown = same,
): Kind => Object.assign({ schema, value, row }, { [fc.toStringMethod]: () => printJson(schema) });

const int = fc.oneof(fc.integer(), fc.integer({ min: -200, max: 200 }));
const long = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.bigInt({ min: -300n, max: 300n }),
  fc.bigInt({ min: -(2n ** 36n), max: 2n ** 36n }),
);
const millis = fc.bigInt({ min: -(2n ** 53n), max: 2n ** 53n });
const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  fc.string({ unit: 'binary', maxLength: 120 }),
  fc.string({ maxLength: 40 }),
);
const bytes = (size: { minLength?: number; maxLength: number }): fc.Arbitrary<Buffer> =>
  fc.uint8Array(size).map((array) => Buffer.from(array));

/** Two's complement of so many bytes, the highest first. */
export function decimalBytes(value: bigint, size: number): Buffer {
  const hex = BigInt.asUintN(size * 8, value).toString(16);
  return Buffer.from(hex.padStart(size * 2, '0'), 'hex');
}

function decimalOf(buffer: unknown): bigint {
  if (!Buffer.isBuffer(buffer)) throw new Error('a decimal is bytes');
  return BigInt.asIntN(buffer.length * 8, BigInt(`0x${buffer.toString('hex')}`));
}

function unscaled(precision: number): fc.Arbitrary<bigint> {
  const max = 10n ** BigInt(precision) - 1n;
  return fc.oneof(fc.bigInt({ min: -max, max }), fc.constantFrom(max, -max, 0n, -1n));
}

const scalars: fc.Arbitrary<Kind> = fc.constantFrom(
  kind('boolean', fc.boolean()),
  kind('int', int),
  kind('long', long),
  kind('float', fc.float()),
  kind('double', fc.double()),
  kind('bytes', bytes({ maxLength: 90 }), (it) => Uint8Array.from(asBuffer(it))),
  kind('string', text),
  kind({ type: 'int', logicalType: 'date' }, int),
  kind({ type: 'int', logicalType: 'time-millis' }, int),
  kind({ type: 'long', logicalType: 'time-micros' }, long),
  kind({ type: 'long', logicalType: 'timestamp-micros' }, long),
  kind({ type: 'long', logicalType: 'local-timestamp-micros' }, long),
  kind({ type: 'long', logicalType: 'timestamp-millis' }, millis, toMicros),
  kind({ type: 'long', logicalType: 'local-timestamp-millis' }, millis, toMicros),
  kind({ type: 'string', logicalType: 'uuid' }, fc.uuid()),
  kind({ type: 'string', logicalType: 'of-another-world' }, text),
);

function toMicros(value: unknown): unknown {
  return typeof value === 'bigint' ? value * 1000n : value;
}

function asBuffer(value: unknown): Buffer {
  if (!Buffer.isBuffer(value)) throw new Error('not a buffer');
  return value;
}

const named: fc.Arbitrary<Kind> = fc.oneof(
  fc
    .uniqueArray(fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,9}$/), { minLength: 1, maxLength: 5 })
    .map((symbols) =>
      kind({ type: 'enum', name: freshName('E'), symbols }, fc.constantFrom(...symbols)),
    ),
  fc
    .integer({ min: 1, max: 40 })
    .map((size) =>
      kind(
        { type: 'fixed', name: freshName('F'), size },
        bytes({ minLength: size, maxLength: size }),
        (it) => Uint8Array.from(asBuffer(it)),
      ),
    ),
  fc.integer({ min: 1, max: 38 }).map((precision) =>
    kind(
      { type: 'bytes', logicalType: 'decimal', precision, scale: precision >> 1 },
      fc.tuple(unscaled(precision), fc.integer({ min: 0, max: 4 })).map(([value, more]) => {
        const size = Math.floor(((value < 0n ? ~value : value).toString(2).length + 8) / 8);
        return decimalBytes(value, size + more);
      }),
      decimalOf,
    ),
  ),
  fc.integer({ min: 1, max: 38 }).map((precision) => {
    const name = freshName('D');
    return kind(
      { type: 'fixed', name, size: 17, logicalType: 'decimal', precision, scale: 0 },
      unscaled(precision).map((value) => decimalBytes(value, 17)),
      decimalOf,
    );
  }),
);

function freshName(letter: string): string {
  names += 1;
  return `${letter}${String(names)}`;
}

function nameOf(schema: JsonValue): string {
  if (typeof schema === 'string') return schema;
  const { name, type } = isJsonObject(schema) ? schema : {};
  if (typeof name === 'string') return name;
  return typeof type === 'string' ? type : 'union';
}

function isUnion({ schema }: Kind): boolean {
  return Array.isArray(schema);
}

function nullable(inner: Kind, isFirst: boolean): Kind {
  const wrap = (value: unknown): unknown => ({ [nameOf(inner.schema)]: value });
  return kind(
    isFirst ? ['null', inner.schema] : [inner.schema, 'null'],
    fc.option(inner.value.map(wrap), { nil: null }),
    (value) => (value === null ? null : inner.row(unwrap(value)[1])),
  );
}

function unwrap(value: unknown): readonly [string, unknown] {
  const [entry] = Object.entries(value as Record<string, unknown>);
  if (entry === undefined) throw new Error('a wrapped value has one member');
  return entry;
}

/** A union of several types, as a struct of which one member is there; plain numbers are one column, so at most one is. */
function general(parts: readonly Kind[], withNull: boolean): Kind {
  const seen = new Set<string>();
  const kinds = parts.filter(({ schema }) => {
    const name = nameOf(schema);
    const key = /^(int|long|float|double)$/.test(name) ? 'number' : name;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
  const wrapped = kinds.map((it) => it.value.map((value) => ({ [nameOf(it.schema)]: value })));
  const row = (value: unknown): unknown => {
    if (value === null) return null;
    const [name, inner] = unwrap(value);
    const members = kinds.map((it, index) => [
      `member${String(index)}`,
      nameOf(it.schema) === name ? it.row(inner) : null,
    ]);
    return kinds.length === 1 ? kinds[0]?.row(inner) : Object.fromEntries(members);
  };
  const schemas = kinds.map(({ schema }) => schema);
  const value: fc.Arbitrary<unknown> = fc.oneof(...wrapped);
  return withNull
    ? kind([...schemas, 'null'], fc.option(value, { nil: null }), row)
    : kind(schemas, value, row);
}

function array(items: Kind): Kind {
  return kind(
    { type: 'array', items: items.schema },
    fc.array(items.value, { maxLength: 4 }),
    (it) => (it as unknown[]).map(items.row),
  );
}

function map(values: Kind): Kind {
  const value = fc.dictionary(text, values.value, { maxKeys: 20 });
  return kind({ type: 'map', values: values.schema }, value, (it) =>
    Object.fromEntries(
      Object.entries(it as Record<string, unknown>).map(([key, item]) => [key, values.row(item)]),
    ),
  );
}

export function record(fields: readonly (readonly [name: string, kind: Kind])[]): Kind {
  const schema = {
    type: 'record',
    name: freshName('R'),
    fields: fields.map(([name, it]) => ({ name, type: it.schema })),
  };
  const value = fc.record(Object.fromEntries(fields.map(([name, it]) => [name, it.value])));
  return kind(schema, value, (it) =>
    Object.fromEntries(
      fields.map(([name, field]) => [name, field.row((it as Record<string, unknown>)[name])]),
    ),
  );
}

const fieldName = fc
  .stringMatching(/^[a-z_][a-z0-9_]{0,6}$/)
  .filter((name) => name !== '__proto__');

const { any } = fc.letrec<{ any: Kind; record: Kind }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 4, depthIdentifier: 'schema' },
    { weight: 4, arbitrary: scalars },
    { weight: 2, arbitrary: named },
    {
      weight: 2,
      arbitrary: fc
        .tuple(tie('any'), fc.boolean())
        .map(([inner, isFirst]) => (isUnion(inner) ? inner : nullable(inner, isFirst))),
    },
    {
      weight: 1,
      arbitrary: fc
        .tuple(fc.array(tie('any'), { minLength: 2, maxLength: 4 }), fc.boolean())
        .filter(([parts]) => !parts.some(isUnion))
        .map(([parts, withNull]) => general(parts, withNull)),
    },
    { weight: 1, arbitrary: tie('any').map(array) },
    { weight: 1, arbitrary: tie('any').map(map) },
    { weight: 1, arbitrary: tie('record') },
  ),
  record: fc
    .uniqueArray(fc.tuple(fieldName, tie('any')), {
      minLength: 1,
      maxLength: 6,
      selector: ([name]) => name,
    })
    .map(record),
}));

/** Schemas of any kind. */
export const anyKind: fc.Arbitrary<Kind> = any;

/** Records, the schemas of messages. */
export const recordKind: fc.Arbitrary<Kind> = fc
  .uniqueArray(fc.tuple(fieldName, any), {
    minLength: 1,
    maxLength: 8,
    selector: ([name]) => name,
  })
  .map(record);
