/** The verbs that change what a table is told to be: its properties, features, columns and constraints. */

import { parseType } from '../schema/index.ts';
import type { AlterResult } from './alter.ts';
import type { AlterOutcome, NewColumnSpec } from './delta-table-types.ts';
import {
  addColumns,
  addConstraint,
  changeColumnOf,
  clusterBy,
  dropColumns,
  dropConstraint,
  dropFeature,
  enableFeature,
  renameColumn,
  setDomain,
  setProperties,
  syncIdentity,
  widenType,
} from './lazy.ts';
import type { ColumnChange } from './columns.ts';
import { domainOf } from './snapshot.ts';
import type { Snapshot, TableContext } from './types.ts';

export abstract class AlterableTable {
  /** The version that this table stands at. */
  abstract get snapshot(): Snapshot;

  /** Does the work on the table as it stands, which moves on to what came of it. */
  protected abstract alter(
    work: (ctx: TableContext, snapshot: Snapshot) => Promise<AlterResult>,
  ): Promise<AlterOutcome>;

  /**
   * Sets and unsets table properties, in one commit, and raises the protocol as far as they need. As in Spark,
   * `delta.minReaderVersion`, `delta.minWriterVersion` and `delta.feature.NAME=supported` say what the protocol is to be.
   * Errors: `PROPERTY_INVALID`, `FEATURE_UNKNOWN`, `FEATURE_UNSUPPORTED`, `ALTER_CONTENDED`, `TABLE_READ_ONLY`.
   */
  async setProperties(
    properties: Readonly<Record<string, string>>,
    { unset = [] }: { readonly unset?: readonly string[] } = {},
  ): Promise<AlterOutcome> {
    return this.alter((ctx, it) => setProperties(ctx, it, { set: properties, unset }));
  }

  /** As `setProperties`: properties that are not set are passed over. */
  async unsetProperties(...keys: readonly string[]): Promise<AlterOutcome> {
    return this.setProperties({}, { unset: keys });
  }

  /** Gives the table a feature by its name, and those that it needs; a property then puts it to use. Errors as above. */
  async enableFeature(name: string): Promise<AlterOutcome> {
    return this.alter((ctx, it) => enableFeature(ctx, it, name));
  }

  /**
   * Takes a feature from the table. Errors: `FEATURE_UNKNOWN`; `FEATURE_NEEDED` by another feature; `FEATURE_IN_USE` where
   * columns rest on it or files would have to be rewritten; `ALTER_CONTENDED`, `TABLE_READ_ONLY`.
   */
  async dropFeature(name: string): Promise<AlterOutcome> {
    return this.alter((ctx, it) => dropFeature(ctx, it, name));
  }

  /** What a domain of the table's metadata says; null where there is none of this name. */
  domain(name: string): string | null {
    return domainOf(this.snapshot, name);
  }

  /** Sets a domain to a text, or removes it with null. Errors: `DOMAIN_RESERVED` for the protocol's own, those above. */
  async setDomain(domain: string, configuration: string | null): Promise<AlterOutcome> {
    return this.alter((ctx, it) => setDomain(ctx, it, { domain, configuration }));
  }

  /** Says by which columns rows are to be laid out when files are rewritten; none for no order. Errors: `COLUMN_UNKNOWN`, `CLUSTERING_INVALID`, those above. */
  async clusterBy(...columns: readonly string[]): Promise<AlterOutcome> {
    return this.alter((ctx, it) => clusterBy(ctx, it, columns));
  }

  /**
   * Adds columns and fields of columns (`address.zip`, `lines.element.tax`), in one commit; rows that are there have nulls.
   * Errors: `COLUMN_CHANGE_INVALID`, those of parsing types and of column names, those above.
   */
  async addColumns(...columns: readonly NewColumnSpec[]): Promise<AlterOutcome> {
    const added = columns.map(({ type, ...rest }) => ({ ...rest, type: parseType(type) }));
    return this.alter((ctx, it) => addColumns(ctx, it, added));
  }

  /**
   * Drops columns and fields of columns, in one commit, which needs column mapping; no file is rewritten, and older versions still
   * show them. Errors: `COLUMN_CHANGE_INVALID`, also where a constraint or the layout rests on one; those above.
   */
  async dropColumns(...columns: readonly string[]): Promise<AlterOutcome> {
    return this.alter((ctx, it) => dropColumns(ctx, it, columns));
  }

  /** Gives a column or a field another name, in its place, which needs column mapping. Errors as for `dropColumns`. */
  async renameColumn(column: string, name: string): Promise<AlterOutcome> {
    return this.alter((ctx, it) => renameColumn(ctx, it, { column, name }));
  }

  /**
   * Changes a column's comment, default or place, and whether it may be null: `nullable: false` looks at all rows first. Errors:
   * `COLUMN_CHANGE_INVALID`, `RULE_UNSUPPORTED`, `RULE_VIOLATED` with a row that has a null there; those above.
   */
  async changeColumn(column: string, change: Omit<ColumnChange, 'column'>): Promise<AlterOutcome> {
    return this.alter((ctx, it) => changeColumnOf(ctx, it, { ...change, column }));
  }

  /**
   * Gives a column a wider type (`bigint` for `int`), which needs `delta.enableTypeWidening`; no file is rewritten. Errors:
   * `COLUMN_CHANGE_INVALID`, those of parsing `type`, those above.
   */
  async widenColumn(column: string, type: string): Promise<AlterOutcome> {
    const change = { column, type: parseType(type) };
    return this.alter((ctx, it) => widenType(ctx, it, change));
  }

  /**
   * Lets an identity column go on behind all values that rows have, those too that they brought themselves: Spark's SYNC IDENTITY.
   * Reads the column; never goes back. Errors: `COLUMN_CHANGE_INVALID`, `IDENTITY_EXHAUSTED`; those above and of `scan`.
   */
  async syncIdentity(column: string): Promise<AlterOutcome> {
    return this.alter((ctx, it) => syncIdentity(ctx, it, column));
  }

  /**
   * Adds a CHECK constraint, Spark's SQL, that has to be true of every row, those that are there first. Errors: `RULE_VIOLATED`
   * with a row for which it is not, `RULE_UNSUPPORTED`, `CONSTRAINT_EXISTS`, `CONSTRAINT_INVALID`; those above.
   */
  async addConstraint(name: string, expression: string): Promise<AlterOutcome> {
    return this.alter((ctx, it) => addConstraint(ctx, it, { name, expression }));
  }

  /** Drops a CHECK constraint. Errors: `CONSTRAINT_UNKNOWN`, unless `ifExists`; those above. */
  async dropConstraint(
    name: string,
    options: { readonly ifExists?: boolean } = {},
  ): Promise<AlterOutcome> {
    return this.alter((ctx, it) => dropConstraint(ctx, it, { ...options, name }));
  }
}
