/** The AWS Glue Data Catalog, which Athena, Presto, Trino and Spark read. */

import { type Clock, type Random, retry } from '../base/index.ts';
import {
  assertReplaceable,
  documentText,
  mergeTableInput,
  parsePartitionInput,
  parseTableInput,
} from './entry.ts';
import { connectGlue, type GlueApi, type GlueConnection } from './glue-api.ts';
import { GlueCalls } from './glue-calls.ts';
import { writePartitions } from './glue-partitions.ts';
import { comparePartitions } from './partition-diff.ts';
import { catalogName, foldedName } from './table-name.ts';
import type { Catalog, TableName } from './types.ts';

export interface GlueCatalogOptions extends GlueConnection {
  readonly clock: Clock;
  readonly random: Random;
  /** The door to the service. Default: the AWS SDK, loaded at the first call. */
  readonly connect?: (connection: GlueConnection) => Promise<GlueApi>;
}

/**
 * A catalog in Glue. An update is compare-and-swap on the entry's `VersionId` and keeps no archive of the old one.
 * Verbs that meet another writer, or an outage, are done again from the start, a bounded number of times.
 */
export function glueCatalog(options: GlueCatalogOptions): Catalog {
  let connecting: Promise<GlueApi> | null = null;
  const verb = <T>(work: (calls: GlueCalls) => Promise<T>): Promise<T> =>
    retry(options.clock, options.random, RETRIES, async () => {
      connecting ??= (options.connect ?? connectGlue)(options);
      return work(new GlueCalls(await connecting));
    });

  return {
    kind: 'glue',

    getTable(name) {
      return verb(async (calls) => {
        const found = await calls.table(foldedName(name));
        return found === null ? null : parseTableInput(foldedName(name), found);
      });
    },

    putTable(database, input) {
      const name = foldedName({ database, table: input.Name });
      const wanted = { ...input, Name: name.table };
      return verb(async (calls) => {
        const found = await calls.table(name);
        if (found === null) {
          await calls.createTable(name.database, wanted);
          return 'created';
        }
        assertReplaceable(name, found);
        const entry = parseTableInput(name, found);
        const merged = mergeTableInput(entry, wanted);
        if (documentText(merged) === documentText(entry)) return 'unchanged';
        await calls.updateTable(name.database, merged, found);
        return 'updated';
      });
    },

    async *listTables(database) {
      const databases =
        database === undefined ? await verb((calls) => calls.databases()) : [catalogName(database)];
      for (const each of databases) {
        for (const table of await verb((calls) => calls.tables(each))) {
          // Views have no storage, and are nobody's files.
          if (!table.StorageDescriptor?.Location) continue;
          const name: TableName = { database: each, table: table.Name ?? '' };
          yield { database: each, input: parseTableInput(name, table) };
        }
      }
    },

    async *listPartitions(name) {
      const folded = foldedName(name);
      for (const partition of await verb((calls) => calls.partitions(folded))) {
        yield parsePartitionInput(folded, partition);
      }
    },

    putPartitions(name, partitions) {
      const folded = foldedName(name);
      return verb(async (calls) => {
        const found = await calls.partitions(folded);
        const before = found.map((partition) => parsePartitionInput(folded, partition));
        const diff = comparePartitions(before, partitions);
        if (diff.changed) await writePartitions(calls, folded, diff, found);
        return diff.changes;
      });
    },
  };
}

const RETRIES = { attemptsMax: 10, delayMsMin: 50, delayMsMax: 1_000 } as const;
