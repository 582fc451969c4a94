/** Structs as expressions: put together of their fields, and taken apart again. */

import { type Expression, STRING, VOID } from '../../schema/index.ts';

const STRUCT = 'named_struct';
/** What a struct has in a field that it lacks. */
const NOTHING: Expression = { kind: 'literal', value: null, type: VOID };

type Case = Extract<Expression, { readonly kind: 'case' }>;

/** A struct of these fields. */
export function structOf(fields: readonly (readonly [string, Expression])[]): Expression {
  const args = fields.flatMap(([name, value]): readonly Expression[] => [
    { kind: 'literal', value: name, type: STRING },
    value,
  ]);
  return { kind: 'call', name: STRUCT, args };
}

/** The field at a path inside of a value; null where its expression does not tell. */
export function memberOf(value: Expression, path: readonly string[]): Expression | null {
  const [first, ...rest] = path;
  if (first === undefined) return value;
  if (value.kind === 'column') return { kind: 'column', path: [...value.path, ...path] };
  if (value.kind === 'literal') return value.value === null ? value : null;
  if (value.kind === 'case') return branchesAt(value, path);
  if (value.kind !== 'call' || value.name !== STRUCT) return null;
  const at = value.args.findIndex(
    (arg, index) =>
      index % 2 === 0 &&
      arg.kind === 'literal' &&
      String(arg.value).toLowerCase() === first.toLowerCase(),
  );
  const member = at < 0 ? undefined : value.args[at + 1];
  return member === undefined ? NOTHING : memberOf(member, rest);
}

/** The field, in each of the branches. */
function branchesAt(value: Case, path: readonly string[]): Expression | null {
  const branches = value.branches.flatMap(({ when, result }) => {
    const member = memberOf(result, path);
    return member === null ? [] : [{ when, result: member }];
  });
  const otherwise = value.otherwise === null ? null : memberOf(value.otherwise, path);
  const isOpen = branches.length < value.branches.length;
  if (isOpen || (value.otherwise !== null && otherwise === null)) return null;
  return { ...value, branches, otherwise };
}
