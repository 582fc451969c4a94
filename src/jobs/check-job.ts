/** What the shape of a job cannot say: that the columns it names are there, and its parts go together. */

import { isDeltaError } from '../base/index.ts';
import {
  expressionColumns,
  findField,
  parseExpression,
  type StructType,
  typeName,
  typesEqual,
} from '../schema/index.ts';
import { checkProperties } from '../table/index.ts';
import type { Job, MergeSink } from './config.ts';
import { configInvalid } from './errors.ts';
import { didYouMean } from './near-name.ts';

/** Errors: `CONFIG_INVALID`, with the path to the key. */
export function checkJob(job: Job): void {
  const key = `jobs.${job.name}`;
  const { source, sink, dropDuplicates, keepLatest } = job;
  if (source.schema.fields.length === 0) {
    throw configInvalid(`${key}.source.schema`, 'must have a column');
  }
  checkNames(`${key}.keys`, job.keys, source.schema);
  checkNames(`${key}.dropDuplicates.columns`, dropDuplicates?.columns ?? [], source.schema);
  checkNames(`${key}.keepLatest.by`, keepLatest?.by ?? [], source.schema);
  checkNames(`${key}.keepLatest.orderBy`, keepLatest?.orderBy ?? [], source.schema);
  checkNames(`${key}.sink.partitionBy`, sink.partitionColumns, sink.schema);
  checkSinkSchema(`${key}.sink.schema`, sink.schema, source.schema);
  checkTableProperties(`${key}.sink.properties`, sink.properties);
  if (sink.kind === 'merge') checkMerge(`${key}.sink`, sink, source.schema);
  if (dropDuplicates?.against === 'table') {
    if (sink.kind === 'merge') {
      throw configInvalid(
        `${key}.dropDuplicates.against`,
        'must be "batch" with a merge: its condition decides what the table takes',
      );
    }
  }
  if (sink.kind === 'append') {
    checkNames(`${key}.dropDuplicates.columns`, dropDuplicates?.columns ?? [], sink.schema);
    checkNames(`${key}.keys`, job.keys, sink.schema);
  }
  if (keepLatest !== null && sink.kind === 'append') {
    throw configInvalid(`${key}.keepLatest`, 'is for a merge; an append takes every row');
  }
}

function checkMerge(key: string, sink: MergeSink, source: StructType): void {
  const both = { t: sink.schema, s: source };
  const onlySource = { s: source };
  checkColumns(`${key}.on`, sink.on, both);
  for (const [index, clause] of sink.whenMatched.entries()) {
    const at = `${key}.whenMatched.${index}`;
    if (clause.condition !== undefined) checkColumns(`${at}.condition`, clause.condition, both);
    if (!('update' in clause) || clause.update === '*') continue;
    checkAssignments(`${at}.update`, clause.update, { table: sink.schema, sides: both });
  }
  for (const [index, { condition, insert }] of sink.whenNotMatched.entries()) {
    const at = `${key}.whenNotMatched.${index}`;
    if (condition !== undefined) checkColumns(`${at}.condition`, condition, onlySource);
    if (insert === '*') continue;
    checkAssignments(`${at}.insert`, insert, { table: sink.schema, sides: onlySource });
  }
}

/** The schemas that an expression may name, by the alias they go by. */
type Sides = Readonly<Record<string, StructType>>;

function checkAssignments(
  key: string,
  assignments: Readonly<Record<string, string>>,
  { table, sides }: { readonly table: StructType; readonly sides: Sides },
): void {
  checkNames(key, Object.keys(assignments), table);
  for (const [column, value] of Object.entries(assignments)) {
    checkColumns(`${key}.${column}`, value, sides);
  }
}

function checkColumns(key: string, text: string, sides: Sides): void {
  const expression = parseExpression(text);
  for (const path of expressionColumns(expression)) {
    const [alias = '', column = ''] = path;
    const side = sides[alias];
    if (side !== undefined && path.length > 1) {
      if (findField(side, column) !== null) continue;
      throw configInvalid(key, `${alias} has no column ${JSON.stringify(column)}`);
    }
    if (Object.values(sides).some((schema) => findField(schema, alias) !== null)) continue;
    const known = Object.keys(sides).map((name) => `${name}.`);
    throw configInvalid(
      key,
      `there is no column ${JSON.stringify(path.join('.'))}; columns are named as ${known.join(' or ')}column`,
    );
  }
}

function checkTableProperties(key: string, properties: Readonly<Record<string, string>>): void {
  try {
    checkProperties(properties);
  } catch (error) {
    if (!isDeltaError(error)) throw error;
    throw configInvalid(key, error.message);
  }
}

function checkNames(key: string, names: readonly string[], schema: StructType): void {
  const known = schema.fields.map((field) => field.name);
  for (const name of names) {
    if (known.includes(name)) continue;
    throw configInvalid(
      key,
      `there is no column ${JSON.stringify(name)}${didYouMean(name, known)}; there are: ${known.join(', ')}`,
    );
  }
}

function checkSinkSchema(key: string, sink: StructType, source: StructType): void {
  for (const field of sink.fields) {
    const from = findField(source, field.name);
    if (from === null || from.name !== field.name) {
      throw configInvalid(key, `the source has no column ${JSON.stringify(field.name)}`);
    }
    if (!typesEqual(from.type, field.type)) {
      throw configInvalid(
        key,
        `${field.name} is ${typeName(field.type)} here and ${typeName(from.type)} in the source`,
      );
    }
  }
}
