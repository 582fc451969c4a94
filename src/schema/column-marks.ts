/**
 * Keys of a field's metadata by which a table makes values for the column. PROTOCOL.md, "Default Columns", "Generated Columns",
 * "Identity Columns".
 */

import type { StructField } from './types.ts';

/** The expression of the value that a row gets which brings none. */
export const DEFAULT = 'CURRENT_DEFAULT';
/** The expression that the column is generated from. */
export const GENERATION = 'delta.generationExpression';
export const IDENTITY = {
  start: 'delta.identity.start',
  step: 'delta.identity.step',
  mark: 'delta.identity.highWaterMark',
  explicit: 'delta.identity.allowExplicitInsert',
} as const;

/** Whether the table numbers its rows by the column. */
export function isIdentity({ metadata }: StructField): boolean {
  return metadata[IDENTITY.start] !== undefined;
}

/** Whether rows need not bring the column, as the table makes a value for it. */
export function isFilled(field: StructField): boolean {
  const { metadata } = field;
  const isMade = typeof metadata[GENERATION] === 'string' || typeof metadata[DEFAULT] === 'string';
  return isMade || isIdentity(field);
}
