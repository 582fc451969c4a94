/** What others read by: the manifest and the catalog's entries, brought up to the table's newest version. */

import { present } from '../base/index.ts';
import { syncCatalog, type TableFacts } from '../catalog/index.ts';
import {
  checkManifest,
  isManifestEnabled,
  manifestPartitions,
  manifestRoot,
  openMetadata,
  openSnapshot,
  publishManifest,
  removeEmptied,
  type Snapshot,
  type TableContext,
  type TableMetadata,
} from '../table/index.ts';
import type { SinkTable } from './job.ts';
import type { JobContext } from './job-context.ts';

/** What a table is called; null where it has no virtual table. */
type PublishedNames = Pick<SinkTable, 'database' | 'table' | 'virtualTable'>;

/**
 * Makes both agree with the table, and gives its version. Where they do already, this is a look at the log's newest
 * commits, one small read of the manifest's state, a look whether the manifest is there (of a partitioned table, a listing
 * of them), and one read of each entry. A manifest that somebody deleted is written again. Errors: those of the table and the catalog.
 */
export async function publish(
  context: Pick<JobContext, 'catalog'>,
  table: TableContext,
  sink: PublishedNames,
): Promise<number> {
  const seen: { latest: Published | null } = { latest: null };
  await syncCatalog(context.catalog, {
    database: sink.database,
    nativeName: sink.table,
    ...(sink.virtualTable === null ? {} : { virtualName: sink.virtualTable }),
    load: async () => {
      seen.latest = await publishFiles(table, sink);
      return seen.latest.facts;
    },
  });
  const { version, snapshot, emptied } = present(seen.latest, 'what the catalog was told');
  if (snapshot !== null) await removeEmptied(table, snapshot, emptied);
  return version;
}

/** Publishes a table again and again, as a job that keeps running does. */
export class Publisher {
  readonly #context: Pick<JobContext, 'catalog'>;
  readonly #table: TableContext;
  readonly #sink: PublishedNames;
  /** What the catalog was told last, where the table has no manifest: its entry changes with the columns alone. */
  #told: string | null = null;

  constructor(context: Pick<JobContext, 'catalog'>, table: TableContext, sink: PublishedNames) {
    this.#context = context;
    this.#table = table;
    this.#sink = sink;
  }

  async publish(): Promise<number> {
    if (this.#sink.virtualTable !== null) return publish(this.#context, this.#table, this.#sink);
    const { version, metadata } = await openMetadata(this.#table);
    const told = metadata.schemaString;
    if (told !== this.#told) await publish(this.#context, this.#table, this.#sink);
    this.#told = told;
    return version;
  }
}

interface Published {
  readonly version: number;
  readonly facts: TableFacts;
  /** Null where the files of the table did not matter. */
  readonly snapshot: Snapshot | null;
  /** As of `PublishedManifest`. */
  readonly emptied: readonly string[];
}

async function publishFiles(table: TableContext, sink: PublishedNames): Promise<Published> {
  const found = await openMetadata(table);
  const { version, metadata } = found;
  if (sink.virtualTable === null || !isManifestEnabled(metadata)) {
    return { version, facts: factsOf(table, found, null), snapshot: null, emptied: [] };
  }
  const isPartitioned = metadata.partitionColumns.length > 0;
  const known = { tableId: metadata.id, version, isPartitioned };
  if (!isPartitioned && (await checkManifest(table, known)) === 'current') {
    return { version, facts: factsOf(table, found, []), snapshot: null, emptied: [] };
  }
  // The partitions must be those of the version that the manifests show, which may be newer than what was found.
  const opened = await openSnapshot(table);
  const { snapshot, emptied } = await publishManifest(table, opened, { restore: true });
  const partitions = manifestPartitions(table.store, snapshot);
  return {
    version: snapshot.version,
    facts: factsOf(table, snapshot, partitions),
    snapshot,
    emptied,
  };
}

function factsOf(
  table: TableContext,
  found: Pick<TableMetadata, 'version' | 'schema' | 'metadata'>,
  partitions: NonNullable<TableFacts['manifest']>['partitions'] | null,
): TableFacts {
  const location = table.store.uri;
  return {
    location,
    schema: found.schema,
    partitionColumns: found.metadata.partitionColumns,
    manifest:
      partitions === null ? null : { root: manifestRoot(location, found.version), partitions },
  };
}
