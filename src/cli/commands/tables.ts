/** `tables`: what the catalog has. */

import type { TableInput } from '../../catalog/index.ts';
import { openEnvironment } from '../environment.ts';
import { print, printObject, printRows, WIDE } from '../output.ts';
import type { CommonOptions } from '../program.ts';

export async function run(options: CommonOptions): Promise<void> {
  const environment = await openEnvironment(options, 'listing tables');
  try {
    const found: { table: string; kind: string; location: string }[] = [];
    for await (const { database, input } of (await environment.catalog()).listTables()) {
      found.push({
        table: `${database}.${input.Name}`,
        kind: kindOf(input),
        location: input.StorageDescriptor.Location,
      });
    }
    if (options.json === true) for (const entry of found) await printObject(entry);
    else if (found.length === 0) await print('no tables');
    else await printRows(['table', 'kind', 'location'], stream(found), WIDE);
  } finally {
    await environment.close();
  }
}

/** A catalog may hold tables of other formats, which are nothing that can be opened here. */
function kindOf({ Parameters, StorageDescriptor }: TableInput): 'delta' | 'virtual' | 'other' {
  if (StorageDescriptor.InputFormat.endsWith('SymlinkTextInputFormat')) return 'virtual';
  const provider = Parameters['spark.sql.sources.provider'] ?? Parameters['table_type'] ?? '';
  return provider.toLowerCase() === 'delta' ? 'delta' : 'other';
}

async function* stream<T>(items: Iterable<T>): AsyncGenerator<T> {
  yield* items;
}
