/** A table's two entries and its partitions, made to agree with the table. */

import type { StructType } from '../schema/index.ts';
import { conflict } from './errors.ts';
import {
  nativeTableInput,
  type SymlinkPartition,
  symlinkPartitions,
  symlinkTableInput,
} from './table-input.ts';
import type { Catalog, PartitionChanges, PutTableOutcome } from './types.ts';

/** What a catalog has to know of a table; plain data of one version. */
export interface TableFacts {
  /** The table's root, as a URI. */
  readonly location: string;
  readonly schema: StructType;
  readonly partitionColumns: readonly string[];
  readonly description?: string;
  /** The published manifest, or null where the table has none. */
  readonly manifest: {
    /** The folder of the manifests, as a URI. */
    readonly root: string;
    /** Those that have files; none for a table without partition columns. */
    readonly partitions: readonly SymlinkPartition[];
  } | null;
}

export interface SyncOptions {
  readonly database: string;
  /** The entry for engines that read the log. */
  readonly nativeName: string;
  /** The entry over the manifest; needs `TableFacts.manifest`. */
  readonly virtualName?: string;
  /**
   * The table as it is now, its manifest published at that version. Called again after each change, so that of
   * several callers at once the last one leaves the newest state.
   */
  readonly load: () => Promise<TableFacts>;
}

export interface SyncResult {
  /** `current`: nothing was written. */
  readonly kind: 'current' | 'changed';
  readonly native: PutTableOutcome;
  /** Null without a virtual table. */
  readonly virtual: PutTableOutcome | null;
  readonly partitions: PartitionChanges;
}

/**
 * Creates or updates both entries and makes the partitions of the virtual table those that have files. Where all is as
 * it should be, it only reads: each entry once, and the partitions where there are any. After a change it looks once
 * more; `CATALOG_CONFLICT` if others keep changing the same entries.
 */
export async function syncCatalog(catalog: Catalog, options: SyncOptions): Promise<SyncResult> {
  let result = await syncOnce(catalog, options);
  let latest = result;
  for (let round = 1; latest.kind === 'changed'; round += 1) {
    if (round > ROUNDS_MAX) throw conflict(`${options.database}.${options.nativeName}`);
    latest = await syncOnce(catalog, options);
    result = combined(result, latest);
  }
  return result;
}

const ROUNDS_MAX = 20;

const NO_CHANGES: PartitionChanges = { created: 0, updated: 0, deleted: 0 };

async function syncOnce(catalog: Catalog, options: SyncOptions): Promise<SyncResult> {
  const facts = await options.load();
  const native = await catalog.putTable(
    options.database,
    nativeTableInput({ ...facts, name: options.nativeName }),
  );
  const { virtual, partitions } = await syncVirtual(catalog, options, facts);
  const writes = partitions.created + partitions.updated + partitions.deleted;
  const current =
    native === 'unchanged' && (virtual === null || virtual === 'unchanged') && writes === 0;
  return { kind: current ? 'current' : 'changed', native, virtual, partitions };
}

async function syncVirtual(
  catalog: Catalog,
  options: SyncOptions,
  facts: TableFacts,
): Promise<Pick<SyncResult, 'virtual' | 'partitions'>> {
  if (options.virtualName === undefined || facts.manifest === null) {
    return { virtual: null, partitions: NO_CHANGES };
  }
  const input = symlinkTableInput({
    ...facts,
    name: options.virtualName,
    manifestRoot: facts.manifest.root,
  });
  const virtual = await catalog.putTable(options.database, input);
  if (facts.partitionColumns.length === 0) return { virtual, partitions: NO_CHANGES };
  const partitions = await catalog.putPartitions(
    { database: options.database, table: options.virtualName },
    symlinkPartitions(input, facts.manifest.partitions),
  );
  return { virtual, partitions };
}

// A table that was created and then found unchanged was created.
function combined(earlier: SyncResult, later: SyncResult): SyncResult {
  return {
    kind: earlier.kind === 'changed' ? 'changed' : later.kind,
    native: firstChange(earlier.native, later.native),
    virtual:
      earlier.virtual === null || later.virtual === null
        ? (later.virtual ?? earlier.virtual)
        : firstChange(earlier.virtual, later.virtual),
    partitions: {
      created: earlier.partitions.created + later.partitions.created,
      updated: earlier.partitions.updated + later.partitions.updated,
      deleted: earlier.partitions.deleted + later.partitions.deleted,
    },
  };
}

function firstChange(earlier: PutTableOutcome, later: PutTableOutcome): PutTableOutcome {
  return earlier === 'unchanged' ? later : earlier;
}
