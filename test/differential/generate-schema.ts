/** Columns of tables, and of what comes into them. */

import { type DataType, quoteName, type StructType, typeName } from '../../src/schema/index.ts';
import type { Dice } from './dice.ts';
import { isOn, type ModelTable } from './model-table.ts';
import type { Mode } from './program.ts';
import { fieldOf, randomType } from './values.ts';

export const NAMES = [
  'a',
  'b',
  'c',
  'd',
  'valor',
  'É',
  'x.y',
  'Order',
  '_z',
  'índice',
  'back`tick',
];
/** That only column mapping allows. */
export const ODD_NAMES = ['a b', 'x=1', 'p%q', 'c{}', 'x,y;z', '(n)'];

/** As in CREATE TABLE. */
export function ddlOf({ fields }: StructType): string {
  return fields
    .map(
      ({ name, type, nullable }) =>
        `${quoteName(name)} ${typeName(type)}${nullable ? '' : ' not null'}`,
    )
    .join(', ');
}

export function modeOf(dice: Dice, table: ModelTable): { readonly mode?: Mode } {
  if (!isOn(table, 'delta.enableDeletionVectors') || dice.chance(0.7)) return {};
  return { mode: dice.pick(['copy-on-write', 'deletion-vectors']) };
}

/** With a column more, or a field in a struct. */
export function grown(dice: Dice, schema: StructType): StructType {
  const structs = schema.fields.filter(({ type }) => type.kind === 'struct');
  const taken = new Set(schema.fields.map(({ name }) => name.toLowerCase()));
  const name = NAMES.find((each) => !taken.has(each.toLowerCase())) ?? 'nova';
  const added = fieldOf(name, evolvable(dice, 1));
  if (structs.length === 0 || dice.chance(0.6))
    return { ...schema, fields: [...schema.fields, added] };
  const inner = dice.pick(structs);
  const fields = schema.fields.map((field) =>
    field === inner && field.type.kind === 'struct'
      ? {
          ...field,
          type: {
            ...field.type,
            fields: [
              ...field.type.fields,
              fieldOf(`more${field.type.fields.length}`, evolvable(dice, 2)),
            ],
          },
        }
      : field,
  );
  return { ...schema, fields };
}

/** Rows bring no type that the table would need a feature for. */
function evolvable(dice: Dice, depth: number): DataType {
  const type = randomType(dice, depth);
  return typeName(type).includes('timestamp_ntz') ? evolvable(dice, depth) : type;
}

/** Some columns less, which are null then. */
export function lessened(dice: Dice, schema: StructType): StructType {
  if (dice.chance(0.8)) return schema;
  const kept = schema.fields.filter(({ nullable }) => !nullable || dice.chance(0.7));
  return kept.length === 0 ? schema : { ...schema, fields: kept };
}
