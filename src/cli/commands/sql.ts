/** `sql`: one SELECT over the catalog's tables. */

import { type DeltaError, isDeltaError } from '../../base/index.ts';
import { openSnapshot, query, tableContext } from '../../table/index.ts';
import type { TableName } from '../../catalog/index.ts';
import { openEnvironment } from '../environment.ts';
import { tableUnknown } from '../errors.ts';
import { printRows, type RowFormat } from '../output.ts';
import type { CommonOptions } from '../program.ts';

export interface SqlCommandOptions extends CommonOptions {
  readonly format: RowFormat;
}

export async function run(text: string, options: SqlCommandOptions): Promise<void> {
  const environment = await openEnvironment(options, 'running the query');
  try {
    const { tools } = environment;
    const catalog = await environment.catalog();
    const { database, views } = environment.requireConfig();
    const unknown: TableName[] = [];
    const find = async (name: TableName) => {
      const entry = await catalog.getTable(name);
      if (entry === null) {
        unknown.push(name);
        return null;
      }
      const context = tableContext(tools, tools.openStore(environment.locationOf(entry)));
      return { context, snapshot: await openSnapshot(context) };
    };
    const format = options.json === true ? 'ndjson' : options.format;
    const spec = { database, views, find, signal: environment.signal };
    await query(tools, text, spec, ({ columns, rows }) =>
      printRows(columns, rows, { format }),
    ).catch((error: unknown) => {
      // Names that the catalog lacks may be the query's own (WITH); only the engine knows.
      throw unknown.map((name) => missingTable(error, name)).find((it) => it !== null) ?? error;
    });
  } finally {
    await environment.close();
  }
}

/** The engine's complaint about this name in our words, or null for any other error. */
function missingTable(error: unknown, { database, table }: TableName): DeltaError | null {
  if (!isDeltaError(error, 'ENGINE_SQL')) return null;
  return error.message.includes(`Table with name ${table} `)
    ? tableUnknown(`${database}.${table}`)
    : null;
}
