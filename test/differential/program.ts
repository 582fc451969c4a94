/** Programs of operations on one table: plain data, so that one that fails can be kept as it is. */

import type { Row } from '../../src/schema/index.ts';
import type { Expr } from './expressions.ts';

export interface Program {
  readonly name: string;
  readonly store: 'memory' | 'disk';
  /** As in CREATE TABLE; so are all schemas here. */
  readonly schema: string;
  readonly partitionBy: readonly string[];
  readonly properties: Readonly<Record<string, string>>;
  readonly steps: readonly Step[];
}

export type Mode = 'copy-on-write' | 'deletion-vectors';

/** The names down to a column or field. */
export type Path = readonly string[];

/** A column or field, and its new value. */
export type Assignment = readonly [path: Path, value: Expr];

export type RowClause = { readonly when?: Expr } & (
  { readonly set: '*' | readonly Assignment[] } | { readonly delete: true }
);

export interface InsertClause {
  readonly when?: Expr;
  readonly insert: '*' | readonly Assignment[];
}

/** Rows from outside, with columns of the table; `evolve` where the table takes others too. */
export interface Incoming {
  readonly schema: string;
  readonly rows: readonly Row[];
  readonly evolve?: true;
}

export interface AppendStep extends Incoming {
  readonly do: 'append';
}

export interface OverwriteStep extends Incoming {
  readonly do: 'overwrite';
  /** At most one of the three. */
  readonly where?: Expr;
  readonly using?: readonly string[];
  readonly dynamic?: true;
}

export interface DeleteStep {
  readonly do: 'delete';
  readonly where?: Expr;
  readonly mode?: Mode;
}

export interface UpdateStep {
  readonly do: 'update';
  readonly set: readonly Assignment[];
  readonly where?: Expr;
  readonly mode?: Mode;
}

export interface MergeStep extends Incoming {
  readonly do: 'merge';
  readonly on: Expr;
  readonly matched: readonly RowClause[];
  readonly inserted: readonly InsertClause[];
  readonly bySource: readonly RowClause[];
  readonly mode?: Mode;
}

/** No row changes by these. */
export type LayoutStep =
  | { readonly do: 'optimize'; readonly zOrderBy?: readonly string[] }
  | { readonly do: 'cluster'; readonly by: readonly string[] }
  | { readonly do: 'reorg' }
  | { readonly do: 'vacuum' }
  | { readonly do: 'checkpoint' }
  | { readonly do: 'reopen' }
  /** The program goes on with the clone. */
  | { readonly do: 'clone'; readonly kind: 'shallow' | 'deep' }
  /** The rows for which it is true. */
  | { readonly do: 'read'; readonly where: Expr };

export type ColumnStep =
  | { readonly do: 'add column'; readonly path: Path; readonly type: string; readonly first?: true }
  | { readonly do: 'drop column'; readonly path: Path }
  | { readonly do: 'rename column'; readonly path: Path; readonly name: string }
  | { readonly do: 'widen column'; readonly path: Path; readonly type: string }
  /** To the first place. */
  | { readonly do: 'move column'; readonly path: Path }
  | { readonly do: 'set nullable'; readonly column: string; readonly nullable: boolean };

export type RuleStep =
  | { readonly do: 'add constraint'; readonly name: string; readonly check: Expr }
  | { readonly do: 'drop constraint'; readonly name: string };

export type Step =
  | AppendStep
  | OverwriteStep
  | DeleteStep
  | UpdateStep
  | MergeStep
  | LayoutStep
  | ColumnStep
  | RuleStep
  | { readonly do: 'set properties'; readonly set: Readonly<Record<string, string>> }
  /** To the state so many states ago. */
  | { readonly do: 'restore'; readonly back: number };
