/** SQL over several tables at once: the engine's own dialect, read-only. */

import {
  copyToParquet,
  defineTable,
  printableQuery,
  referencedTables,
  type Session,
  type StatementOptions,
  storableQuery,
  type TableReference,
} from '../../engine/index.ts';
import type { Row } from '../../schema/index.ts';
import type { TableTools } from '../table-tools.ts';
import type { Snapshot, TableContext } from '../types.ts';
import { liveFiles } from './files.ts';
import { stageAllFiles, type StagedFiles } from './scan-files.ts';

export interface QueryOptions {
  /** Database of names that have none. */
  readonly database: string;
  /** The table behind a name; null for a name that is none, such as one of the query's own. */
  readonly find: (
    name: Required<TableReference> & { readonly database: string },
  ) => Promise<{ readonly context: TableContext; readonly snapshot: Snapshot } | null>;
  /** SELECTs that go by a name without a database; they may name each other. Default: none. */
  readonly views?: ReadonlyMap<string, string>;
  readonly signal?: AbortSignal;
}

export interface QueryResult {
  readonly columns: readonly string[];
  readonly rows: AsyncIterable<Row>;
}

/**
 * Runs one SELECT. Each table is read at the version that `find` gave; remote ones are brought to the local disk whole
 * for as long as `use` runs. Errors: `QUERY_INVALID`, those of `find`, of scanning, and `ENGINE_SQL`.
 */
export async function query(
  tools: Pick<TableTools, 'engine'>,
  sql: string,
  options: QueryOptions,
  use: (result: QueryResult) => Promise<void>,
): Promise<void> {
  await withTables(tools, sql, options, async (session) => {
    const printable = await printableQuery(session, sql);
    const { columns } = printable;
    await use({
      columns,
      rows: rowsOf(columns, session.stream(printable.sql, statementOf(options))),
    });
  });
}

/** Writes the rows of one SELECT to a local Parquet file. Errors: as for `query`, without those of `use`. */
export async function copyQuery(
  tools: Pick<TableTools, 'engine'>,
  sql: string,
  options: QueryOptions,
  file: string,
): Promise<void> {
  await withTables(tools, sql, options, async (session) => {
    const rows = await storableQuery(session, sql);
    await copyToParquet(session, rows, { file, codec: 'snappy', ...statementOf(options) });
  });
}

/** A session in which the names of the SELECT stand for tables, for as long as `work` runs. */
async function withTables(
  tools: Pick<TableTools, 'engine'>,
  sql: string,
  options: QueryOptions,
  work: (session: Session) => Promise<void>,
): Promise<void> {
  const engine = await tools.engine();
  const session = await engine.openSession();
  const staged: StagedFiles[] = [];
  try {
    await defineTables(session, sql, { options, staged, defined: new Set() });
    await work(session);
  } finally {
    await session.close();
    for (const { stage } of staged) await stage.close();
  }
}

function statementOf({ signal }: QueryOptions): StatementOptions {
  return signal === undefined ? {} : { signal };
}

interface Definitions {
  readonly options: QueryOptions;
  readonly staged: StagedFiles[];
  /** Names that stand for something already, as the engine tells them apart. */
  readonly defined: Set<string>;
}

/** Makes every name in a SELECT stand for its table, or its view and what that names. */
async function defineTables(
  session: Session,
  sql: string,
  definitions: Definitions,
): Promise<void> {
  const { options, staged, defined } = definitions;
  for (const reference of await referencedTables(session, sql)) {
    const key = JSON.stringify([reference.database, reference.table]).toLowerCase();
    if (defined.has(key)) continue;
    defined.add(key);
    const view = reference.database === null ? options.views?.get(reference.table) : undefined;
    if (view !== undefined) {
      await defineTables(session, view, definitions);
      await defineTable(session, reference, view);
      continue;
    }
    const name = { ...reference, database: reference.database ?? options.database };
    const found = await options.find(name);
    if (found === null) continue;
    const { context, snapshot } = found;
    const files = [...liveFiles(snapshot, { where: null, statistics: null })];
    const group = await stageAllFiles(context, snapshot, files, {
      schema: snapshot.schema,
      session,
      name: `rows hidden in table ${String(staged.length)}`,
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    staged.push(group);
    await defineTable(session, reference, group.sql);
  }
}

async function* rowsOf(
  names: readonly string[],
  chunks: AsyncIterable<{
    readonly rowCount: number;
    readonly columns: readonly (readonly unknown[])[];
  }>,
): AsyncGenerator<Row> {
  for await (const { rowCount, columns } of chunks) {
    for (let row = 0; row < rowCount; row += 1) {
      yield Object.fromEntries(
        names.map((name, i) => [name, (columns[i]?.[row] ?? null) as Row[string]]),
      );
    }
  }
}
