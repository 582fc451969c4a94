/** A table as rows in memory, and what can become of a step on it. */

import { parseDdl, type Row, type StructType } from '../../src/schema/index.ts';
import type { Expr } from './expressions.ts';
import type { Mode, Program } from './program.ts';

export interface ModelTable {
  readonly schema: StructType;
  readonly partitionBy: readonly string[];
  readonly clusterBy: readonly string[];
  readonly properties: Readonly<Record<string, string>>;
  readonly constraints: ReadonlyMap<string, Expr>;
  readonly rows: readonly Row[];
  /** Whether files are those of another table. */
  readonly isShallow: boolean;
}

/** One row of the change data feed. */
export interface Change {
  readonly kind: 'insert' | 'delete' | 'update_preimage' | 'update_postimage';
  readonly row: Row;
}

export interface Done {
  readonly kind: 'done';
  readonly table: ModelTable;
  /** Null where only their sum is known: which rows go and come again is a matter of files. */
  readonly changes: readonly Change[] | null;
  /** With one of these codes it may be refused too, where it is a matter of files. */
  readonly mayRefuse?: readonly string[];
}

export interface Refused {
  readonly kind: 'refused';
  /** Of the error, one of these; the table stays as it is. */
  readonly codes: readonly string[];
}

/** `unfit`: it has no meaning for the table as it is, as others before it were left out. */
export type Verdict = Done | Refused | { readonly kind: 'unfit' };

export const UNFIT: Verdict = { kind: 'unfit' };

export function refused(...codes: readonly string[]): Refused {
  return { kind: 'refused', codes };
}

/** Of a null that may not be: by what comes from outside, by files and by rules. */
export const NULL_CODES = ['INPUT_BAD_VALUE', 'NULL_NOT_ALLOWED', 'RULE_VIOLATED'] as const;

/** Where no row changes. */
export function done(table: ModelTable): Done {
  return { kind: 'done', table, changes: [] };
}

export function emptyTable({
  schema,
  partitionBy,
  properties,
}: Pick<Program, 'schema' | 'partitionBy' | 'properties'>): ModelTable {
  const constraints = new Map<string, Expr>();
  return {
    schema: parseDdl(schema),
    partitionBy,
    clusterBy: [],
    properties,
    constraints,
    rows: [],
    isShallow: false,
  };
}

export function isOn({ properties }: ModelTable, property: string): boolean {
  return properties[property] === 'true';
}

export function isMapped({ properties }: ModelTable): boolean {
  return (properties['delta.columnMapping.mode'] ?? 'none') !== 'none';
}

/** Whether rows can be changed in this way. */
export function canChange(table: ModelTable, mode: Mode | undefined): boolean {
  return mode !== 'deletion-vectors' || isOn(table, 'delta.enableDeletionVectors');
}
