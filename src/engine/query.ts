/** Whole queries in the engine's own SQL, written by people: which tables they name, and results that can be shown. */

import { isJsonObject, type JsonValue, parseJson } from '../base/index.ts';
import { queryInvalid } from './errors.ts';
import { identifier, literal } from './quote.ts';
import type { Session } from './types.ts';

export interface TableReference {
  /** Null where the query names none. */
  readonly database: string | null;
  readonly table: string;
}

/**
 * The tables that one SELECT names, each once; names of its own (WITH) among them. Anything but one SELECT is
 * `QUERY_INVALID` (invalid): so nothing that writes ever runs.
 */
export async function referencedTables(
  session: Session,
  sql: string,
): Promise<readonly TableReference[]> {
  const [row] = await session.query(`SELECT json_serialize_sql(${literal(sql)}::VARCHAR) AS tree`);
  const tree = parseJson(textOf(row?.['tree']));
  if (!isJsonObject(tree)) throw queryInvalid('it cannot be read');
  if (tree['error'] === true) throw queryInvalid(textOf(tree['error_message']));
  if (!Array.isArray(tree['statements']) || tree['statements'].length !== 1) {
    throw queryInvalid('it is not one statement');
  }
  const found = new Map<string, TableReference>();
  collect(tree, found);
  return [...found.values()];
}

/** Makes the reference, as a query writes it, a name for the rows of `relation`. */
export async function defineTable(
  session: Session,
  { database, table }: TableReference,
  relation: string,
): Promise<void> {
  if (database === null) {
    await session.run(`CREATE VIEW ${identifier(table)} AS ${relation}`);
    return;
  }
  const schema = identifier(database);
  await session.run(
    `CREATE SCHEMA IF NOT EXISTS ${schema}; CREATE VIEW ${schema}.${identifier(table)} AS ${relation}`,
  );
}

/**
 * The query with every column in a form that prints: numbers, booleans and texts as they are, times in ISO 8601,
 * anything else as the engine's own text.
 */
export async function printableQuery(
  session: Session,
  sql: string,
): Promise<{ readonly sql: string; readonly columns: readonly string[] }> {
  const query = sql.replace(/;\s*$/, '');
  const described = await session.query(`DESCRIBE ${query}`);
  const columns = distinctNames(described.map((row) => textOf(row['column_name'])));
  const aliases = columns.map((_, index) => identifier(`c${index}`));
  const list = described.map((row, index) => {
    const alias = aliases[index] ?? '';
    return `${printable(alias, textOf(row['column_type']))} AS ${alias}`;
  });
  return {
    sql: `SELECT ${list.join(', ')} FROM (${query}\n) AS "query"(${aliases.join(', ')})`,
    columns,
  };
}

/** The query with every column in a type that Parquet has: whole numbers beyond 64 bits are decimals there. */
export async function storableQuery(session: Session, sql: string): Promise<string> {
  const query = sql.replace(/;\s*$/, '');
  const described = await session.query(`DESCRIBE ${query}`);
  const columns = distinctNames(described.map((row) => textOf(row['column_name']))).map(identifier);
  const list = described.map((row, index) => {
    const name = columns[index] ?? '';
    return `${storable(name, textOf(row['column_type']))} AS ${name}`;
  });
  return `SELECT ${list.join(', ')} FROM (${query}\n) AS "query"(${columns.join(', ')})`;
}

/** Names that come again are numbered: `id`, `id_1`. */
function distinctNames(names: readonly string[]): readonly string[] {
  const taken = new Set<string>();
  return names.map((name) => {
    let distinct = name;
    for (let n = 1; taken.has(distinct); n += 1) distinct = `${name}_${String(n)}`;
    taken.add(distinct);
    return distinct;
  });
}

const AS_IT_IS = /^(?:BOOLEAN|U?(?:TINY|SMALL|BIG|HUGE)INT|U?INTEGER|FLOAT|DOUBLE|VARCHAR)$/;

function printable(column: string, type: string): string {
  if (AS_IT_IS.test(type)) return column;
  if (type === 'TIMESTAMP WITH TIME ZONE') return `strftime(${column}, '%Y-%m-%dT%H:%M:%S.%fZ')`;
  if (type.startsWith('TIMESTAMP')) return `strftime(${column}, '%Y-%m-%dT%H:%M:%S.%f')`;
  return `CAST(${column} AS VARCHAR)`;
}

function storable(column: string, type: string): string {
  if (/^U?HUGEINT$/.test(type)) return `CAST(${column} AS DECIMAL(38, 0))`;
  if (type === 'UBIGINT') return `CAST(${column} AS DECIMAL(20, 0))`;
  return type === 'UUID' ? `CAST(${column} AS VARCHAR)` : column;
}

function collect(node: JsonValue | undefined, found: Map<string, TableReference>): void {
  if (Array.isArray(node)) {
    for (const item of node as readonly JsonValue[]) collect(item, found);
    return;
  }
  if (!isJsonObject(node)) return;
  const { type, schema_name: database, table_name: table } = node;
  if (type === 'BASE_TABLE' && typeof table === 'string') {
    const name = typeof database === 'string' && database !== '' ? database : null;
    // The engine's names ignore case.
    found.set(`${name ?? ''}.${table}`.toLowerCase(), { database: name, table });
  }
  for (const member of Object.values(node)) collect(member, found);
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
