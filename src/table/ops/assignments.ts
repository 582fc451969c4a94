/** What UPDATE and MERGE give to columns, and to fields inside of them. */

import { type DeltaError, present } from '../../base/index.ts';
import {
  type Expression,
  findField,
  isIdentity,
  parseExpression,
  type StructField,
  type StructType,
} from '../../schema/index.ts';
import { defaultOf } from './column-fills.ts';
import { withTime } from './statement-time.ts';
import { structOf } from './struct-values.ts';

export interface AssignmentOptions {
  /** A name that may stand before a column's. */
  readonly alias?: string;
  /** Columns and fields as they were, by their path; null where only whole columns can be assigned, as there is nothing before. */
  readonly before: ((path: readonly string[]) => Expression) | null;
  readonly refuse: (name: string, reason: string) => DeltaError;
  /** Whether values can read a column of that name, without a name before it. */
  readonly isColumn: (name: string) => boolean;
  /** The time of the statement. */
  readonly nowMs: number;
}

/**
 * New values by column, of assignments by the names of columns and of fields (`dados.nome`). A struct is put together of new
 * values and of its other fields as they were. `DEFAULT` alone stands for the default of a column; a new row gets it as if nothing
 * were assigned. Errors: what `refuse` makes, those of parsing.
 */
export function assignedColumns(
  schema: StructType,
  assignments: Readonly<Record<string, string | Expression>>,
  options: AssignmentOptions,
): ReadonlyMap<StructField, Expression> {
  const { before, refuse, nowMs } = options;
  const assigned: Fields = new Map();
  for (const [name, value] of Object.entries(assignments)) {
    const path = pathOf(schema, name, options);
    const given = typeof value === 'string' ? parseExpression(value) : value;
    const isOpen = isDefault(given, options);
    if (isOpen && before === null) continue;
    const expression = isOpen ? defaultAt(schema, path, name, options) : withTime(given, nowMs);
    assign(assigned, path, { name, value: expression, refuse });
  }
  return new Map(
    schema.fields.flatMap((field) => {
      const value = assigned.get(field.name);
      if (value === undefined) return [];
      return [[field, valueOf(value, field, { path: [field.name], before })] as const];
    }),
  );
}

function isDefault(value: Expression, { isColumn }: AssignmentOptions): boolean {
  const [name = '', ...inside] = value.kind === 'column' ? value.path : [];
  return name.toLowerCase() === 'default' && inside.length === 0 && !isColumn(name);
}

function defaultAt(
  schema: StructType,
  [column = '', ...inside]: readonly string[],
  name: string,
  { refuse, nowMs }: AssignmentOptions,
): Expression {
  if (inside.length > 0)
    throw refuse(name, 'cannot be set to DEFAULT: only whole columns have one');
  return defaultOf(present(findField(schema, column), 'an assigned column'), nowMs);
}

/** What is assigned to a column or field: a value, or some of the fields in it. */
type Assigned = Expression | Fields;
type Fields = Map<string, Assigned>;

/** The path of a column or field, as the schema spells it. */
function pathOf(
  schema: StructType,
  name: string,
  { alias, before, refuse }: AssignmentOptions,
): readonly string[] {
  const target = parseExpression(name);
  const path = target.kind === 'column' ? target.path : [];
  if (path.length === 0) throw refuse(name, 'cannot be set: it is no name of a column');
  const isAliased =
    path[0]?.toLowerCase() === alias?.toLowerCase() && findField(schema, path[1] ?? '') !== null;
  let struct: StructType | null = schema;
  const spelled = (isAliased ? path.slice(1) : path).map((part) => {
    const field = struct === null ? null : findField(struct, part);
    if (field === null) throw refuse(name, 'cannot be set: the table has none of that name');
    if (before !== null && isIdentity(field)) {
      throw refuse(name, 'cannot be set: the table itself numbers it');
    }
    struct = field.type.kind === 'struct' ? field.type : null;
    return field.name;
  });
  if (before === null && spelled.length > 1) {
    throw refuse(name, 'cannot be set: new rows take whole columns');
  }
  return spelled;
}

function assign(
  fields: Fields,
  [first = '', ...rest]: readonly string[],
  assignment: Pick<AssignmentOptions, 'refuse'> & {
    readonly name: string;
    readonly value: Expression;
  },
): void {
  const before = fields.get(first);
  if (before !== undefined && (rest.length === 0 || !(before instanceof Map))) {
    throw assignment.refuse(assignment.name, 'is set twice');
  }
  if (rest.length === 0) {
    fields.set(first, assignment.value);
    return;
  }
  const inner: Fields = before instanceof Map ? before : new Map();
  fields.set(first, inner);
  assign(inner, rest, assignment);
}

interface Place {
  readonly path: readonly string[];
  readonly before: AssignmentOptions['before'];
}

/** As Spark puts a struct together again: of new values, and of the fields as they were. */
function valueOf(assigned: Assigned, { type }: StructField, { path, before }: Place): Expression {
  if (!(assigned instanceof Map)) return assigned;
  const fields = type.kind === 'struct' ? type.fields : [];
  const parts = fields.map((field) => {
    const place = { path: [...path, field.name], before };
    const value = assigned.get(field.name) ?? present(before, 'what fields were')(place.path);
    return [field.name, valueOf(value, field, place)] as const;
  });
  return structOf(parts);
}
