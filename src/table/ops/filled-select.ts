/** Rows with the values that their table makes for columns that they do not bring, in the engine's SQL. */

import { identifier } from '../../engine/index.ts';
import type { StructField, StructType } from '../../schema/index.ts';
import { type ColumnFills, identityValue } from './column-fills.ts';

export interface UnfilledRows {
  /** A SELECT of the columns of the table, null where rows do not bring one, and of what `place` and `given` read. */
  readonly rows: string;
  /** The place of a row among all that come in, from 0. */
  readonly place: string;
  /** Of columns that are filled, whether a row brings them; those that no row brings are left out. */
  readonly given: ReadonlyMap<StructField, string>;
  /** What `given` reads. */
  readonly flags: readonly string[];
}

/** A SELECT of the columns of the table. Defaults and identities first: generated columns are made of them, too. */
export function filledSelect(
  schema: StructType,
  fills: ColumnFills,
  { rows, place, given, flags }: UnfilledRows,
): string {
  const own = (field: StructField): string | undefined => {
    const identity = fills.identities.find((each) => each.field === field);
    return identity === undefined ? fills.defaults.get(field) : identityValue(identity, place);
  };
  const select = (value: (field: StructField) => string | undefined): string[] =>
    schema.fields.map((field) => {
      const name = identifier(field.name);
      const made = value(field);
      const isGiven = given.get(field);
      if (made === undefined) return name;
      return isGiven === undefined
        ? `${made} AS ${name}`
        : `CASE WHEN ${isGiven} THEN ${name} ELSE ${made} END AS ${name}`;
    });
  const inner = `SELECT ${[...select(own), ...flags.map(identifier)].join(', ')} FROM (${rows})`;
  return `SELECT ${select((field) => fills.generated.get(field)).join(', ')} FROM (${inner})`;
}
