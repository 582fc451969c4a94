import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import {
  type DataType,
  evolveSchema,
  findField,
  parseDdl,
  type StructField,
  type StructType,
  typeName,
} from '../../src/schema/index.ts';

/** Names that differ by case too, few enough to meet. */
const name = fc.constantFrom('a', 'A', 'b', 'c', 'C', 'd');
const leaf: fc.Arbitrary<DataType> = fc.constantFrom(
  { kind: 'primitive', name: 'string' },
  { kind: 'primitive', name: 'long' },
  { kind: 'decimal', precision: 10, scale: 2 },
);
const { struct } = fc.letrec<{ type: DataType; field: StructField; struct: StructType }>((tie) => ({
  type: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    leaf,
    tie('struct'),
    fc.record({
      kind: fc.constant('array' as const),
      element: tie('type'),
      containsNull: fc.boolean(),
    }),
    fc.record({
      kind: fc.constant('map' as const),
      key: leaf,
      value: tie('type'),
      valueContainsNull: fc.boolean(),
    }),
  ),
  field: fc.record({
    name,
    type: tie('type'),
    nullable: fc.boolean(),
    metadata: fc.constant({}),
  }),
  struct: fc.record({
    kind: fc.constant('struct' as const),
    fields: fc.uniqueArray(tie('field'), {
      selector: (field) => field.name.toLowerCase(),
      maxLength: 4,
    }),
  }),
}));

function evolved(table: StructType, incoming: StructType): StructType {
  const evolution = evolveSchema(table, incoming, 'add');
  fc.pre(evolution.kind === 'fits');
  return evolution.schema;
}

/** Every field of `small` stands in `large`, in its order, spelled and nullable as it is. */
function isKept(small: DataType, large: DataType): boolean {
  if (small.kind === 'struct' && large.kind === 'struct') {
    return small.fields.every((field, index) => {
      const there = large.fields[index];
      return (
        there?.name === field.name &&
        there.nullable === field.nullable &&
        isKept(field.type, there.type)
      );
    });
  }
  if (small.kind === 'array' && large.kind === 'array') {
    return small.containsNull === large.containsNull && isKept(small.element, large.element);
  }
  if (small.kind === 'map' && large.kind === 'map') {
    return isKept(small.key, large.key) && isKept(small.value, large.value);
  }
  return typeName(small) === typeName(large);
}

describe('laws', () => {
  test('a schema that has grown grows no more by the same rows', () => {
    fc.assert(
      fc.property(struct, struct, (table, incoming) => {
        const schema = evolved(table, incoming);
        expect(evolveSchema(schema, incoming, 'add')).toEqual({
          kind: 'fits',
          schema,
          changed: false,
        });
      }),
    );
  });

  test('the result takes rows of both without growing, and drops nothing of the table', () => {
    fc.assert(
      fc.property(struct, struct, (table, incoming) => {
        const schema = evolved(table, incoming);
        expect(isKept(table, schema)).toBe(true);
        expect(evolveSchema(schema, table, 'none')).toMatchObject({ kind: 'fits', changed: false });
        expect(evolveSchema(schema, incoming, 'none')).toMatchObject({
          kind: 'fits',
          changed: false,
        });
      }),
    );
  });

  test('a table takes its own rows as it is', () => {
    fc.assert(
      fc.property(struct, (table) => {
        const evolution = evolveSchema(table, table, 'none');
        expect(evolution.kind === 'fits' && evolution.schema === table).toBe(true);
      }),
    );
  });
});

const TABLE = parseDdl(
  'Id string not null, s struct<a:int>, l array<struct<a:int>>, m map<string,struct<a:int>>',
);

describe('columns', () => {
  test('are added at the end, nullable at every level, and in structs wherever they stand', () => {
    const incoming = parseDdl(
      'ID string, s struct<A:int,b:int>, l array<struct<b:int>>, m map<string,struct<b:int>>, x struct<y:int not null> not null',
    );
    const evolution = evolveSchema(TABLE, incoming, 'add');
    expect(evolution).toMatchObject({ kind: 'fits', changed: true });
    if (evolution.kind !== 'fits') return;
    expect(evolution.schema).toEqual(
      parseDdl(
        'Id string not null, s struct<a:int,b:int>, l array<struct<a:int,b:int>>, m map<string,struct<a:int,b:int>>, x struct<y:int>',
      ),
    );
  });

  test('of no type fit every column and add none', () => {
    const incoming: StructType = {
      kind: 'struct',
      fields: ['s', 'new'].map((field) => ({
        name: field,
        type: { kind: 'primitive', name: 'void' },
        nullable: true,
        metadata: {},
      })),
    };
    expect(evolveSchema(TABLE, incoming, 'add')).toEqual({
      kind: 'fits',
      schema: TABLE,
      changed: false,
    });
    expect(findField(TABLE, 'new')).toBeNull();
  });

  test.each([
    ['x int', 'none', 'x', 'no such column'],
    ['s struct<a:int,b:int>', 'none', 's.b', 'no such column'],
    ['id bigint', 'add', 'id', 'it is bigint, and the table has string'],
    ['l array<struct<a:string>>', 'add', 'l.element.a', 'it is string'],
    ['m map<int,struct<a:int>>', 'add', 'm.key', 'it is int'],
    ['s array<int>', 'add', 's', 'it is array<int>'],
    ['x int, X int', 'add', 'X', 'two of this name'],
  ] as const)('%s with "%s" is refused at %s', (ddl, mode, column, reason) => {
    const evolution = evolveSchema(TABLE, parseDdl(ddl), mode);
    expect(evolution).toMatchObject({ kind: 'refused', column });
    expect(evolution.kind === 'refused' && evolution.reason).toContain(reason);
  });
});
