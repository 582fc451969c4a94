/** A transform of Spark's SQL (`select`, `where`, `groupBy`, `orderBy`) as one SELECT of the engine, typed before it runs. */

import { present } from '../base/index.ts';
import {
  checkColumnNames,
  type DataType,
  type Expression,
  expressionColumns,
  expressionParts,
  findField,
  mapExpression,
  parseExpression,
  parseSelectItem,
  parseSortItem,
  printExpression,
  resolveColumns,
  type SelectItem,
  type StructField,
  type StructType,
  type Transform,
} from '../schema/index.ts';
import { aggregateNamed } from './aggregate-names.ts';
import { type AggregateCall, translateAggregate } from './aggregates.ts';
import {
  aggregateMisplaced,
  expressionNotGrouped,
  expressionType,
  expressionUnsupported,
} from './errors.ts';
import { identifier } from './quote.ts';
import { type Scope, type ScopeColumn, scopeOf } from './scope.ts';
import { sortKey } from './sort-key.ts';
import { translate, translateCondition } from './translate.ts';
import { is, typeText } from './type-rules.ts';
import { mayBeNull } from './nullability.ts';

export interface TransformPlan {
  /** Of the result. */
  readonly schema: StructType;
  /** Whether rows are sorted, and not only groups. */
  readonly isSorted: boolean;
  /** The columns of the source that the transform reads, in the source's order. */
  readonly reads: StructType;
  /**
   * The SELECT over a relation, which is a SELECT of at least the columns of `reads`, in a session of
   * `openOrderedSession`. Rows keep the relation's order unless `orderBy` says otherwise; rows that are equal by it, and
   * groups, come in an order that depends on nothing but the rows. `place` names columns of the relation that are
   * together unique.
   */
  readonly sql: (relation: string, place: readonly string[]) => string;
}

/** Alias of the source's rows; no column of the user's has a space in its name. */
const INPUT = '"input row"';

/**
 * Errors: those of `parseExpression`; `EXPRESSION_NO_COLUMN`, `EXPRESSION_TYPE`, `EXPRESSION_AGGREGATE`,
 * `EXPRESSION_NOT_GROUPED` (invalid), `EXPRESSION_UNSUPPORTED` (unsupported); `SCHEMA_DUPLICATE_COLUMN` and
 * `SCHEMA_COLUMN_NAME` for names that a table cannot have.
 */
export function planTransform(transform: Transform, source: StructType): TransformPlan {
  return new Planner(transform, source).plan();
}

/** The columns of a transform's result; errors as for `planTransform`. */
export function transformSchema(transform: Transform, source: StructType): StructType {
  return planTransform(transform, source).schema;
}

/** A column of the result. */
interface Item {
  readonly name: string;
  /** Over the source, its columns spelled as the source spells them. */
  readonly expression: Expression;
}

interface Translated {
  readonly sql: string;
  readonly type: DataType;
}

/** Groups: what they are grouped by, and parts of aggregates, as columns of an inner SELECT. */
interface Grouping {
  readonly groups: readonly Translated[];
  readonly parts: readonly string[];
  readonly items: readonly Translated[];
}

class Planner {
  readonly #transform: Transform;
  readonly #source: StructType;
  readonly #scope: Scope;

  constructor(transform: Transform, source: StructType) {
    checkColumnNames(source);
    this.#transform = transform;
    this.#source = source;
    this.#scope = scopeOf(source).map((column) => ({ ...column, sql: `${INPUT}.${column.sql}` }));
  }

  plan(): TransformPlan {
    const items = this.#items();
    const where = this.#where();
    const groups = this.#groups(items);
    const isGrouped = groups.length > 0 || items.some(({ expression }) => hasAggregate(expression));
    const grouping = isGrouped ? this.#grouping(items, groups) : null;
    const columns = grouping?.items ?? items.map(({ expression }) => this.#translate(expression));
    const schema = schemaOf(
      items.map((item, index) => ({
        name: item.name,
        type: present(columns[index], 'a column').type,
        nullable: mayBeNull(item.expression, this.#source),
        metadata: {},
      })),
    );
    const select = columns.map(
      ({ sql }, index) => `${sql} AS ${identifier(present(items[index], 'an item').name)}`,
    );
    const order = this.#order(schema);
    return {
      schema,
      isSorted: grouping === null && order.length > 0,
      reads: this.#reads([...items.map(({ expression }) => expression), ...groups, ...where.reads]),
      sql: (relation, place) => {
        const rows = `FROM (${relation}) AS ${INPUT}${where.sql}`;
        return grouping === null
          ? plainSql({ schema, select, rows, order, place })
          : groupedSql({ schema, select, rows, order, grouping });
      },
    };
  }

  #items(): readonly Item[] {
    const { select = ['*'] } = this.#transform;
    if (select.length === 0) throw expressionType('the select has no items');
    return select.flatMap((text) => this.#expanded(parseSelectItem(text)));
  }

  #expanded(item: SelectItem): readonly Item[] {
    if (item.kind === 'expression') {
      return [{ name: item.name, expression: resolveColumns(item.expression, this.#source) }];
    }
    return this.#fieldsOf(item.path).map(({ name }) => ({
      name,
      expression: resolveColumns({ kind: 'column', path: [...item.path, name] }, this.#source),
    }));
  }

  #fieldsOf(path: readonly string[]): readonly StructField[] {
    if (path.length === 0) return this.#source.fields;
    const column = resolveColumns({ kind: 'column', path }, this.#source);
    const { type } = translate(column, this.#scope);
    if (type.kind === 'struct') return type.fields;
    throw expressionType(`${path.join('.')}.* where ${path.join('.')} is ${typeText(type)}`);
  }

  #where(): { readonly sql: string; readonly reads: readonly Expression[] } {
    if (this.#transform.where === undefined) return { sql: '', reads: [] };
    const condition = this.#resolved(this.#transform.where);
    const sql = ` WHERE ${translateCondition(condition, this.#scope)}`;
    return { sql, reads: [condition] };
  }

  /** A name that the source has not stands for the item of that name. */
  #groups(items: readonly Item[]): readonly Expression[] {
    return (this.#transform.groupBy ?? []).map((text) => {
      const parsed = parseExpression(text);
      if (parsed.kind === 'literal') throw expressionType(`groupBy ${text}, which is no column`);
      const name =
        parsed.kind === 'column' && parsed.path.length === 1 ? parsed.path[0] : undefined;
      const named =
        name === undefined || findField(this.#source, name) !== null
          ? undefined
          : items.find((item) => item.name.toLowerCase() === name.toLowerCase());
      const expression = named?.expression ?? resolveColumns(parsed, this.#source);
      const aggregate = aggregateIn(expression);
      if (aggregate !== null) throw aggregateMisplaced(aggregate.name);
      return expression;
    });
  }

  #grouping(items: readonly Item[], by: readonly Expression[]): Grouping {
    const groups = by.map((expression) => {
      const group = this.#translate(expression);
      if (group.type.kind === 'map') throw expressionType('maps cannot be grouped by');
      return group;
    });
    const scope: ScopeColumn[] = groups.map(({ type }, index) => groupColumn(index, type));
    const parts: string[] = [];
    const places = new Map(by.map((expression, index) => [printExpression(expression), index]));
    const replace = (part: Expression): Expression | null => {
      const place = places.get(printExpression(part));
      if (place !== undefined) return { kind: 'column', path: [groupName(place)] };
      if (part.kind === 'column') throw expressionNotGrouped(part.path.join('.'));
      if (part.kind !== 'call' || aggregateNamed(part.name) === null) return null;
      const aggregate = translateAggregate(part, this.#scope);
      const names = aggregate.parts.map((_, index) => identifier(partName(parts.length + index)));
      const name = `aggregate ${String(scope.length)}`;
      scope.push({ name, ...aggregate.result(names) });
      parts.push(...aggregate.parts);
      return { kind: 'column', path: [name] };
    };
    const columns = items.map(({ expression }) => mapExpression(expression, replace));
    return { groups, parts, items: columns.map((column) => translate(column, scope)) };
  }

  #order(schema: StructType): readonly string[] {
    const scope = scopeOf(schema);
    return (this.#transform.orderBy ?? []).map((text) => {
      const { expression, descending, nullsFirst } = parseSortItem(text);
      const { sql, type } = translate(resolveColumns(expression, schema), scope);
      if (!isOrdered(type)) throw expressionUnsupported(`an order by ${typeText(type)}`);
      return `${sortKey(sql, type)} ${descending ? 'DESC' : 'ASC'} NULLS ${nullsFirst ? 'FIRST' : 'LAST'}`;
    });
  }

  #reads(expressions: readonly Expression[]): StructType {
    const names = new Set(expressions.flatMap(expressionColumns).map(([name]) => name));
    return { ...this.#source, fields: this.#source.fields.filter(({ name }) => names.has(name)) };
  }

  #resolved(text: string): Expression {
    return resolveColumns(parseExpression(text), this.#source);
  }

  #translate(expression: Expression): Translated {
    return translate(expression, this.#scope);
  }
}

interface QueryParts {
  readonly schema: StructType;
  /** Each with its name in the result. */
  readonly select: readonly string[];
  /** FROM and WHERE. */
  readonly rows: string;
  readonly order: readonly string[];
}

function plainSql(query: QueryParts & { readonly place: readonly string[] }): string {
  const { schema, select, rows, order, place } = query;
  if (order.length === 0) return `SELECT ${select.join(', ')} ${rows}`;
  const places = place.map(identifier);
  const list = [...select, ...places.map((name) => `${INPUT}.${name}`)];
  return (
    `SELECT ${namesOf(schema)} FROM (SELECT ${list.join(', ')} ${rows}) ` +
    `ORDER BY ${[...order, ...places].join(', ')}`
  );
}

function groupedSql(query: QueryParts & { readonly grouping: Grouping }): string {
  const { schema, select, rows, order, grouping } = query;
  const { groups, parts } = grouping;
  const groupNames = groups.map((_, index) => identifier(groupName(index)));
  const inner = [
    ...groups.map(({ sql }, index) => `${sql} AS ${identifier(groupName(index))}`),
    ...parts.map((sql, index) => `${sql} AS ${identifier(partName(index))}`),
  ];
  const by = groups.length === 0 ? '' : ` GROUP BY ${groups.map((_, i) => i + 1).join(', ')}`;
  const ties = groupNames.filter((_, index) => isOrdered(present(groups[index], 'a group').type));
  const orderBy = [...order, ...ties];
  return (
    `SELECT ${namesOf(schema)} FROM (SELECT ${[...select, ...groupNames].join(', ')} ` +
    `FROM (SELECT ${inner.join(', ')} ${rows}${by}))` +
    (orderBy.length === 0 ? '' : ` ORDER BY ${orderBy.join(', ')}`)
  );
}

function schemaOf(fields: readonly StructField[]): StructType {
  const schema: StructType = { kind: 'struct', fields };
  checkColumnNames(schema);
  const untyped = fields.find(({ type }) => is(type, 'void'));
  if (untyped !== undefined) {
    throw expressionType(`the column ${untyped.name} has none, because it is always null`);
  }
  return schema;
}

function namesOf(schema: StructType): string {
  return schema.fields.map(({ name }) => identifier(name)).join(', ');
}

function groupName(index: number): string {
  return `group ${String(index)}`;
}

function partName(index: number): string {
  return `part ${String(index)}`;
}

function groupColumn(index: number, type: DataType): ScopeColumn {
  return { name: groupName(index), type, sql: identifier(groupName(index)) };
}

/** Types whose order is the engine's as well as Spark's. */
function isOrdered(type: DataType): boolean {
  return type.kind === 'primitive' || type.kind === 'decimal';
}

function hasAggregate(expression: Expression): boolean {
  return aggregateIn(expression) !== null;
}

function aggregateIn(expression: Expression): AggregateCall | null {
  if (expression.kind === 'call' && aggregateNamed(expression.name) !== null) return expression;
  for (const part of expressionParts(expression)) {
    const found = aggregateIn(part);
    if (found !== null) return found;
  }
  return null;
}
