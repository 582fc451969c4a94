/** Structs as expressions: put together of their fields, and taken apart again. */

import { type Expression, STRING, VOID } from '../../schema/index.ts';

const STRUCT = 'named_struct';
const FIELD = 'getitem';
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

/** The field at a path inside of a value. */
export function memberOf(value: Expression, path: readonly string[]): Expression {
  const [first, ...rest] = path;
  if (first === undefined) return value;
  if (value.kind === 'column') return { kind: 'column', path: [...value.path, ...path] };
  if (value.kind === 'literal' && value.value === null) return value;
  if (value.kind === 'case') return branchesAt(value, path);
  const name: Expression = { kind: 'literal', value: first, type: STRING };
  const member =
    value.kind === 'call' && value.name === STRUCT
      ? namedMember(value.args, first)
      : ({ kind: 'call', name: FIELD, args: [value, name] } as const);
  return memberOf(member, rest);
}

/** Of names and values in turn, the value that goes with a name. */
function namedMember(args: readonly Expression[], wanted: string): Expression {
  const at = args.findIndex(
    (arg, index) =>
      index % 2 === 0 &&
      arg.kind === 'literal' &&
      String(arg.value).toLowerCase() === wanted.toLowerCase(),
  );
  return (at < 0 ? undefined : args[at + 1]) ?? NOTHING;
}

/** The field, in each of the branches. */
function branchesAt(value: Case, path: readonly string[]): Expression {
  const { branches, otherwise } = value;
  return {
    ...value,
    branches: branches.map(({ when, result }) => ({ when, result: memberOf(result, path) })),
    otherwise: otherwise === null ? null : memberOf(otherwise, path),
  };
}
