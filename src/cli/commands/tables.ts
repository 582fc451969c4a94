/** `tables`: what the catalog has. */

import { openEnvironment } from '../environment.ts';
import { print, printObject, printRows, WIDE } from '../output.ts';
import type { CommonOptions } from '../program.ts';

export async function run(options: CommonOptions): Promise<void> {
  const environment = await openEnvironment(options, 'listing tables');
  try {
    const found: { table: string; kind: string; location: string }[] = [];
    for await (const { database, input } of (await environment.catalog()).listTables()) {
      const isVirtual = input.StorageDescriptor.InputFormat.endsWith('SymlinkTextInputFormat');
      found.push({
        table: `${database}.${input.Name}`,
        kind: isVirtual ? 'virtual' : 'delta',
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

async function* stream<T>(items: Iterable<T>): AsyncGenerator<T> {
  yield* items;
}
