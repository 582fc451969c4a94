/** The steps of programs as statements of Spark's, on a table of its own. */

import { parseDdl, parseType, type StructType, typeName } from '../../src/schema/index.ts';
import { sqlOf } from './expressions.ts';
import { literalSql, quoted } from './literals.ts';
import { pathText } from './perform.ts';
import type {
  Assignment,
  InsertClause,
  MergeStep,
  OverwriteStep,
  Program,
  RowClause,
  Step,
} from './program.ts';

/** Rows that come in are a view of this name. */
const INCOMING = 'incoming';

export function createSql({ schema, partitionBy, properties }: Program, table: string): string {
  const columns = parseDdl(schema).fields.map(
    ({ name, type, nullable }) => `${quoted(name)} ${typeName(type)}${nullable ? '' : ' NOT NULL'}`,
  );
  const partitions = partitionBy.length === 0 ? '' : ` PARTITIONED BY (${list(partitionBy)})`;
  return `CREATE TABLE ${table} (${columns.join(', ')}) USING delta${partitions}${propertiesSql(properties)}`;
}

function propertiesSql(properties: Readonly<Record<string, string>>): string {
  const entries = Object.entries(properties).map(([key, value]) => `'${key}' = '${value}'`);
  return entries.length === 0 ? '' : ` TBLPROPERTIES (${entries.join(', ')})`;
}

/** A program in Python that does the step; null for a step that is nothing to Spark. */
export function stepProgram(
  step: Step,
  table: string,
  { version }: { readonly version: number | null },
): string | null {
  switch (step.do) {
    case 'append':
      return [incoming(step), written(table, step, {})].join('\n');
    case 'overwrite':
      return overwriteProgram(step, table);
    case 'merge':
      return [incoming(step), sql(mergeSql(step, table))].join('\n');
    case 'restore':
      return version === null ? null : sql(`RESTORE TABLE ${table} TO VERSION AS OF ${version}`);
    default: {
      const statement = statementOf(step, table);
      return statement === null ? null : sql(statement);
    }
  }
}

function sql(statement: string): string {
  return `spark.sql(${JSON.stringify(statement)}).collect()`;
}

type RowsStep = Extract<Step, { readonly rows: unknown }>;

function incoming({ schema, rows }: RowsStep): string {
  const { fields } = parseDdl(schema);
  const names = fields.map((_, index) => `c${index}`).join(', ');
  const columns = fields.map(
    ({ name, type }, index) => `CAST(c${index} AS ${typeName(type)}) AS ${quoted(name)}`,
  );
  const values = (rows.length === 0 ? [{}] : rows).map(
    (row) => `(${fields.map(({ name, type }) => literalSql(row[name] ?? null, type)).join(', ')})`,
  );
  const where = rows.length === 0 ? ' WHERE false' : '';
  const select = `SELECT ${columns.join(', ')} FROM VALUES ${values.join(', ')} AS v(${names})${where}`;
  return sql(`CREATE OR REPLACE TEMP VIEW ${INCOMING} AS ${select}`);
}

function written(
  table: string,
  { evolve }: RowsStep,
  options: Readonly<Record<string, string>>,
  mode = 'append',
): string {
  const merging = evolve === true ? { mergeSchema: 'true' } : {};
  const calls = Object.entries({ ...merging, ...options }).map(
    ([key, value]) => `.option(${JSON.stringify(key)}, ${JSON.stringify(value)})`,
  );
  const path = table.replace(/^delta\.`|`$/g, '');
  return (
    `spark.table("${INCOMING}").write.format("delta").mode("${mode}")${calls.join('')}` +
    `.save(${JSON.stringify(path)})`
  );
}

function overwriteProgram(step: OverwriteStep, table: string): string {
  const { where, using, dynamic } = step;
  if (using !== undefined) {
    const same = using.map((name) => `t.${quoted(name)} = s.${quoted(name)}`).join(' AND ');
    const merge = `MERGE INTO ${table} t USING ${INCOMING} s ON ${same} WHEN MATCHED THEN DELETE`;
    return [incoming(step), sql(merge), written(table, step, {})].join('\n');
  }
  const options = {
    ...(where === undefined ? {} : { replaceWhere: sqlOf(where) }),
    ...(dynamic === undefined ? {} : { partitionOverwriteMode: 'dynamic' }),
  };
  return [incoming(step), written(table, step, options, 'overwrite')].join('\n');
}

function mergeSql(step: MergeStep, table: string): string {
  const evolving = step.evolve === true ? ' WITH SCHEMA EVOLUTION' : '';
  return [
    `MERGE${evolving} INTO ${table} t USING ${INCOMING} s ON ${sqlOf(step.on)}`,
    ...step.matched.map((clause) => when('MATCHED', clause) + changeSql(clause)),
    ...step.inserted.map((clause) => when('NOT MATCHED', clause) + insertSql(clause)),
    ...step.bySource.map((clause) => when('NOT MATCHED BY SOURCE', clause) + changeSql(clause)),
  ].join(' ');
}

function when(kind: string, clause: Pick<RowClause, 'when'>): string {
  return `WHEN ${kind}${clause.when === undefined ? '' : ` AND ${sqlOf(clause.when)}`} THEN `;
}

function changeSql(clause: RowClause): string {
  if ('delete' in clause) return 'DELETE';
  return `UPDATE SET ${clause.set === '*' ? '*' : setSql(clause.set)}`;
}

function insertSql({ insert }: InsertClause): string {
  if (insert === '*') return 'INSERT *';
  const names = insert.map(([path]) => pathText(path)).join(', ');
  return `INSERT (${names}) VALUES (${insert.map(([, value]) => sqlOf(value)).join(', ')})`;
}

function setSql(set: readonly Assignment[]): string {
  return set.map(([path, value]) => `${pathText(path)} = ${sqlOf(value)}`).join(', ');
}

function statementOf(
  step: Exclude<Step, RowsStep | { do: 'restore' }>,
  table: string,
): string | null {
  const alter = (change: string): string => `ALTER TABLE ${table} ${change}`;
  switch (step.do) {
    case 'delete':
      return `DELETE FROM ${table}${whereSql(step)}`;
    case 'update':
      return `UPDATE ${table} SET ${setSql(step.set)}${whereSql(step)}`;
    case 'optimize': {
      const by = step.zOrderBy === undefined ? '' : ` ZORDER BY (${list(step.zOrderBy)})`;
      return `OPTIMIZE ${table}${by}`;
    }
    case 'cluster':
      return alter(`CLUSTER BY ${step.by.length === 0 ? 'NONE' : `(${list(step.by)})`}`);
    case 'reorg':
      return `REORG TABLE ${table} APPLY (PURGE)`;
    case 'vacuum':
      return `VACUUM ${table} DRY RUN`;
    case 'add column': {
      const first = step.first === true ? ' FIRST' : '';
      return alter(
        `ADD COLUMNS (${pathText(step.path)} ${typeName(parseType(step.type))}${first})`,
      );
    }
    case 'drop column':
      return alter(`DROP COLUMN ${pathText(step.path)}`);
    case 'rename column':
      return alter(`RENAME COLUMN ${pathText(step.path)} TO ${quoted(step.name)}`);
    case 'widen column':
      return alter(`ALTER COLUMN ${pathText(step.path)} TYPE ${step.type}`);
    case 'move column':
      return alter(`ALTER COLUMN ${pathText(step.path)} FIRST`);
    case 'set nullable': {
      const change = step.nullable ? 'DROP NOT NULL' : 'SET NOT NULL';
      return alter(`ALTER COLUMN ${quoted(step.column)} ${change}`);
    }
    case 'set properties':
      return alter(`SET${propertiesSql(step.set)}`);
    case 'add constraint':
      return alter(`ADD CONSTRAINT ${step.name} CHECK ${sqlOf(step.check)}`);
    case 'drop constraint':
      return alter(`DROP CONSTRAINT ${step.name}`);
    default:
      return null;
  }
}

function whereSql({ where }: Extract<Step, { do: 'delete' | 'update' }>): string {
  return where === undefined ? '' : ` WHERE ${sqlOf(where)}`;
}

function list(names: readonly string[]): string {
  return names.map(quoted).join(', ');
}

/** What of the feed is compared: the columns of the table and the kind of each change. */
export function changesSql(
  { fields }: StructType,
  uri: string,
  [from, to]: readonly [number, number],
): string {
  const names = [...fields.map(({ name }) => name), '_change_type'].map(quoted);
  return `SELECT ${names.join(', ')} FROM table_changes_by_path('${uri}', ${from}, ${to})`;
}
