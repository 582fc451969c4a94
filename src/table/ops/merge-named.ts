/** Sources of a merge that are named by where their tables are. */

import { openSnapshot } from '../open.ts';
import { tableContext, type TableTools } from '../table-tools.ts';
import type { MergeSource, MergeSpec, OpenedTable } from './merge-types.ts';

/** A table by its path or URI, at a version or at its newest. */
export type NamedTable = string | { readonly uri: string; readonly version?: number };

export type NamedSource =
  | Exclude<MergeSource, { readonly opened: OpenedTable }>
  /** All rows of another table, or of an older version of this one. */
  | { readonly table: NamedTable }
  /** One SELECT in the engine's dialect; `tables` says what the names in it are: `orders`, or `db.orders`. */
  | { readonly sql: string; readonly tables: Readonly<Record<string, NamedTable>> };

export interface NamedMergeSpec extends Omit<MergeSpec, 'source' | 'steps'> {
  readonly source: NamedSource;
}

/** The same merge with its source opened. Errors: those of opening a table. */
export async function openedSpec(tools: TableTools, spec: NamedMergeSpec): Promise<MergeSpec> {
  return { ...spec, source: await openedSource(tools, spec.source) };
}

async function openedSource(tools: TableTools, source: NamedSource): Promise<MergeSource> {
  if ('table' in source) return { opened: await opened(tools, source.table) };
  if (!('sql' in source)) return source;
  const tables = new Map(
    Object.entries(source.tables).map(([name, table]) => [name.toLowerCase(), table]),
  );
  return {
    query: {
      sql: source.sql,
      database: '',
      find: async ({ database, table }) => {
        const name = database === '' ? table : `${database}.${table}`;
        const named = tables.get(name.toLowerCase());
        return named === undefined ? null : opened(tools, named);
      },
    },
  };
}

async function opened(tools: TableTools, table: NamedTable): Promise<OpenedTable> {
  const { uri, version } = typeof table === 'string' ? { uri: table, version: undefined } : table;
  const context = tableContext(tools, tools.openStore(uri));
  const snapshot = await openSnapshot(context, version === undefined ? {} : { version });
  return { context, snapshot };
}
