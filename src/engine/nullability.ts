/** Whether an expression can be null, as far as its form shows: where that leaves it open, it can. */

import { type Expression, findField, type StructType } from '../schema/index.ts';

/** `schema` is that of the rows; columns are spelled as it spells them. */
export function mayBeNull(expression: Expression, schema: StructType): boolean {
  switch (expression.kind) {
    case 'literal':
      return expression.value === null;
    case 'column':
      return pathMayBeNull(expression.path, schema);
    case 'isNull':
      return false;
    case 'call':
      if (expression.name === 'count' || expression.name === 'count_if') return false;
      return (
        !COALESCE.has(expression.name) || expression.args.every((arg) => mayBeNull(arg, schema))
      );
    default:
      return true;
  }
}

const COALESCE: ReadonlySet<string> = new Set(['coalesce', 'ifnull', 'nvl']);

function pathMayBeNull([name = '', ...rest]: readonly string[], schema: StructType): boolean {
  const field = findField(schema, name);
  if (field === null || field.nullable) return true;
  if (rest.length === 0) return false;
  return field.type.kind !== 'struct' || pathMayBeNull(rest, field.type);
}
