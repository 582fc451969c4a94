/**
 * Columns of a new table that it makes the values for. PROTOCOL.md, "Generated Columns", "Identity Columns", "Default Columns";
 * what else is asked of them is what Spark asks.
 */

import type { Metadata } from '../../log/index.ts';
import {
  columnsRead,
  GENERATION,
  IDENTITY,
  isIdentity,
  LONG,
  parseExpression,
  type StructField,
  type StructType,
  typesEqual,
} from '../../schema/index.ts';
import { fillsOf } from './column-fills.ts';
import { columnValuesInvalid } from './rule-errors.ts';
import { rulesOf } from './table-rules.ts';

/** Errors: `COLUMN_VALUES_INVALID`; `RULE_UNSUPPORTED` for an expression that cannot be evaluated here. */
export function checkMadeColumns(schema: StructType, metadata: Metadata): void {
  for (const field of schema.fields) {
    if (isIdentity(field)) checkIdentity(field, metadata.partitionColumns);
    else checkGenerated(field, schema);
  }
  // What gives another value each time is in no rule, as rows could not be held to it.
  rulesOf({ schema, metadata });
  fillsOf({ schema }, 0);
}

function checkIdentity({ name, type, metadata }: StructField, partitions: readonly string[]): void {
  if (!typesEqual(type, LONG)) throw columnValuesInvalid(name, 'an identity is a bigint');
  if (Number(metadata[IDENTITY.step] ?? 1) === 0) {
    throw columnValuesInvalid(name, 'its numbers would all be the same; increment by another step');
  }
  if (partitions.includes(name)) {
    throw columnValuesInvalid(name, 'each row would be a partition; partition by another column');
  }
}

function checkGenerated({ name, metadata }: StructField, schema: StructType): void {
  const text = metadata[GENERATION];
  if (typeof text !== 'string') return;
  const expression = parseExpression(text);
  const other = columnsRead(expression, schema).fields.find(
    (column) => typeof column.metadata[GENERATION] === 'string',
  );
  if (other !== undefined) {
    throw columnValuesInvalid(
      name,
      `it is generated from ${other.name}, which is generated itself`,
    );
  }
}
