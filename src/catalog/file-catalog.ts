/**
 * The embedded catalog: JSON documents in an object store.
 *
 *     <database>/<table>.json              the entry, a Glue TableInput
 *     <database>/<table>.partitions.json   {"Partitions": [PartitionInput, …]}, where there are any
 */

import { type Clock, isDeltaError, type Random, retry } from '../base/index.ts';
import { compareUtf8, type ObjectStore, type PutMode } from '../store/index.ts';
import {
  assertReplaceable,
  documentText,
  mergePartitionInput,
  mergeTableInput,
  parsePartitions,
  parseTableInput,
  type PartitionsDocument,
} from './entry.ts';
import { badEntry, conflict, fromStore, noTable } from './errors.ts';
import { comparePartitions, type PartitionDiff } from './partition-diff.ts';
import { catalogName, foldedName } from './table-name.ts';
import type { Catalog, PartitionInput, TableInput, TableName } from './types.ts';

export interface FileCatalogOptions {
  readonly clock: Clock;
  readonly random: Random;
}

/** A catalog in `store`. Several processes may share it: each document changes by compare-and-swap. */
export function fileCatalog(store: ObjectStore, options: FileCatalogOptions): Catalog {
  const files = new CatalogFiles(store);
  const attempt = <T>(work: () => Promise<T>): Promise<T> =>
    retry(options.clock, options.random, CONTENTION, work);

  return {
    kind: 'file',

    async getTable(name) {
      const folded = foldedName(name);
      const found = await files.read(folded, tablePath(folded));
      return found === null ? null : parseTableInput(folded, found.value);
    },

    async putTable(database, input) {
      const name = foldedName({ database, table: input.Name });
      const wanted = { ...input, Name: name.table };
      return attempt(async () => {
        const found = await files.read(name, tablePath(name));
        if (found === null) {
          await files.write(name, tablePath(name), wanted, { kind: 'create' });
          return 'created';
        }
        assertReplaceable(name, found.value);
        const entry = parseTableInput(name, found.value);
        const merged = mergeTableInput(entry, wanted);
        if (documentText(merged) === documentText(entry)) return 'unchanged';
        await files.write(name, tablePath(name), merged, { kind: 'update', etag: found.etag });
        return 'updated';
      });
    },

    async *listTables(database) {
      for (const name of await files.tableNames(database)) {
        const found = await files.read(name, tablePath(name));
        // A table may be dropped between the listing and the reading.
        if (found === null) continue;
        yield { database: name.database, input: parseTableInput(name, found.value) };
      }
    },

    async *listPartitions(name) {
      const folded = foldedName(name);
      const found = await files.read(folded, partitionsPath(folded));
      if (found !== null) yield* parsePartitions(folded, found.value);
      else if ((await files.read(folded, tablePath(folded))) === null) throw noTable(folded);
    },

    async putPartitions(name, partitions) {
      const folded = foldedName(name);
      return attempt(async () => {
        const found = await files.read(folded, partitionsPath(folded));
        if (found === null && (await files.read(folded, tablePath(folded))) === null) {
          throw noTable(folded);
        }
        const before = found === null ? [] : parsePartitions(folded, found.value);
        const diff = comparePartitions(before, partitions);
        if (!diff.changed) return diff.changes;
        await files.write(
          folded,
          partitionsPath(folded),
          { Partitions: mergedPartitions(diff, partitions) },
          found === null ? { kind: 'create' } : { kind: 'update', etag: found.etag },
        );
        return diff.changes;
      });
    },
  };
}

/** Writers of one document that may meet again and again before one gives up. */
const CONTENTION = { attemptsMax: 40, delayMsMin: 2, delayMsMax: 500 } as const;

const PARTITIONS_SUFFIX = '.partitions.json';

function tablePath(name: TableName): string {
  return `${name.database}/${name.table}.json`;
}

function partitionsPath(name: TableName): string {
  return `${name.database}/${name.table}${PARTITIONS_SUFFIX}`;
}

function mergedPartitions(
  diff: PartitionDiff,
  wanted: readonly PartitionInput[],
): readonly PartitionInput[] {
  return wanted.map((partition) => {
    const before = diff.found(partition);
    return before === null ? partition : mergePartitionInput(before, partition);
  });
}

/** Documents in the store, with errors in the catalog's words. */
class CatalogFiles {
  readonly #store: ObjectStore;

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  async read(
    name: TableName,
    path: string,
  ): Promise<{ readonly value: unknown; readonly etag: string } | null> {
    const content = await this.#store.get(path).catch((error: unknown) => {
      if (isDeltaError(error, 'STORE_NOT_FOUND')) return null;
      throw fromStore(`read ${path}`, error);
    });
    if (content === null) return null;
    try {
      const value: unknown = JSON.parse(new TextDecoder().decode(content.bytes));
      return { value, etag: content.meta.etag };
    } catch (error) {
      throw badEntry(name, `${path} is not JSON`, error);
    }
  }

  async write(
    name: TableName,
    path: string,
    document: TableInput | PartitionsDocument,
    mode: PutMode,
  ): Promise<void> {
    const bytes = new TextEncoder().encode(`${documentText(document)}\n`);
    const result = await this.#store.put(path, bytes, mode).catch((error: unknown) => {
      // Deciding anew reads back whether the write happened.
      if (isDeltaError(error, 'STORE_OUTCOME_UNKNOWN')) return { kind: 'mismatch' } as const;
      throw fromStore(`write ${path}`, error);
    });
    if (result.kind !== 'written') throw conflict(`${name.database}.${name.table}`);
  }

  async tableNames(database: string | undefined): Promise<readonly TableName[]> {
    const prefix = database === undefined ? '' : catalogName(database);
    const names: TableName[] = [];
    try {
      for await (const { path } of this.#store.list(prefix, { recursive: true })) {
        const [folder, file, ...rest] = path.split('/');
        if (folder === undefined || file === undefined || rest.length > 0) continue;
        if (!file.endsWith('.json') || file.endsWith(PARTITIONS_SUFFIX)) continue;
        names.push({ database: folder, table: file.slice(0, -'.json'.length) });
      }
    } catch (error) {
      throw fromStore('list tables', error);
    }
    return names.sort(byName);
  }
}

// Paths sort otherwise: `a-b/x` comes before `a/x`.
function byName(a: TableName, b: TableName): number {
  return compareUtf8(a.database, b.database) || compareUtf8(a.table, b.table);
}
