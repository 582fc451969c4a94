/** A table as programs hold it: a snapshot that moves on with what is committed, and the verbs of `ops/`. */

import { assert } from '../base/index.ts';
import { parseDdl, parseType, type Row, TIMESTAMP, toScalar } from '../schema/index.ts';
import type { AlterResult } from './alter.ts';
import { writeCheckpoint } from './checkpoint.ts';
import type { CleanupResult } from './cleanup.ts';
import { createTable } from './create.ts';
import type {
  AlterOutcome,
  AppendOutcome,
  CreateTableSpec,
  ManifestResult,
  MergeOutcome,
  OpenTableOptions,
  OptimizeOutcome,
  OverwriteOutcome,
  RowChangeOutcome,
  TableFile,
} from './delta-table-types.ts';
import type { Finding } from './doctor-types.ts';
import { strangerOf } from './doctor-writers.ts';
import { atTable, namingTable, readOnlyTable } from './errors.ts';
import { GroupCommit } from './group-commit.ts';
import { type HistoryEntry, readHistory } from './history.ts';
import {
  cleanUpLog,
  clusterBy,
  dropFeature,
  enableFeature,
  setDomain,
  setProperties,
  widenType,
} from './lazy.ts';
import { dataFileUri } from './manifest-layout.ts';
import { manifestPaths, publishManifest } from './manifest.ts';
import { openSnapshot, refreshSnapshot } from './open.ts';
import type { AppendOptions, AppendSource } from './ops/append-source.ts';
import { listFiles, type ListFilesOptions } from './ops/files.ts';
import type { MergeSpec } from './ops/merge-types.ts';
import type { ChangesOptions } from './ops/changes.ts';
import type { DeleteOptions } from './ops/delete.ts';
import {
  append,
  checksum,
  deleteRows,
  merge,
  optimize,
  overwrite,
  readChanges,
  scanRows,
  updateRows,
} from './ops/index.ts';
import type { OptimizeOptions } from './ops/optimize.ts';
import type { OverwriteOptions } from './ops/overwrite.ts';
import type { ScanOptions } from './ops/scan.ts';
import type { RowChangeResult } from './ops/row-changes.ts';
import type { UpdateOptions } from './ops/update.ts';
import { domainOf } from './snapshot.ts';
import { tableContext, type TableTools } from './table-tools.ts';
import type { Snapshot, TableContext } from './types.ts';

export class DeltaTable {
  readonly uri: string;
  readonly #context: TableContext;
  readonly #tools: TableTools;
  readonly #pinned: boolean;
  readonly #group: GroupCommit | null;
  #snapshot: Snapshot;

  private constructor(
    context: TableContext,
    snapshot: Snapshot,
    how: {
      readonly tools: TableTools;
      readonly pinned: boolean;
      readonly group: GroupCommit | null;
    },
  ) {
    this.uri = context.store.uri;
    this.#context = context;
    this.#snapshot = snapshot;
    this.#tools = how.tools;
    this.#pinned = how.pinned;
    this.#group = how.group;
  }

  /** Errors: as for `openTable`. */
  static async open(
    tools: TableTools,
    uri: string,
    options: OpenTableOptions = {},
  ): Promise<DeltaTable> {
    const { commitSource, isolation, groupCommit = false } = options;
    const context = {
      ...tableContext(tools, tools.openStore(uri)),
      ...(commitSource === undefined ? {} : { commitSource }),
      ...(isolation === undefined ? {} : { isolation }),
    };
    const group =
      groupCommit === false
        ? null
        : new GroupCommit(context, groupCommit === true ? {} : groupCommit);
    const snapshot = await openSnapshot(context, {
      ...(options.version === undefined ? {} : { version: options.version }),
      ...(options.timestamp === undefined ? {} : { timestampMs: timeOf(options.timestamp) }),
    });
    const pinned = options.version !== undefined || options.timestamp !== undefined;
    const grouped = group === null ? context : { ...context, commitGroup: group };
    return new DeltaTable(grouped, snapshot, { tools, pinned, group });
  }

  /** Errors: as for `createTable`. */
  static async create(tools: TableTools, uri: string, spec: CreateTableSpec): Promise<DeltaTable> {
    const context = tableContext(tools, tools.openStore(uri));
    const schema = typeof spec.schema === 'string' ? parseDdl(spec.schema) : spec.schema;
    const { snapshot } = await createTable(context, { ...spec, schema });
    return new DeltaTable(context, snapshot, { tools, pinned: false, group: null });
  }

  /** The version that this table stands at. */
  get snapshot(): Snapshot {
    return this.#snapshot;
  }

  /**
   * What speaks against writing to this table beside those who committed lately: engines that commit in another way, so that
   * each can write over what the other committed. `examineTable` looks at the whole log.
   */
  get warnings(): readonly Finding[] {
    const stranger = strangerOf(this.#context.store, this.#snapshot);
    return stranger === null ? [] : [stranger];
  }

  /** Moves on to the newest version. A table opened in the past stays where it is. */
  async refresh(): Promise<Snapshot> {
    if (!this.#pinned) this.#snapshot = await refreshSnapshot(this.#context, this.#snapshot);
    return this.#snapshot;
  }

  /**
   * Appends rows, Arrow data or Parquet files, in one commit. Atomic and durable; never in conflict with other
   * writers' appends and merges. Errors: `INPUT_BAD_VALUE`, `INPUT_MISSING_COLUMN`, `INPUT_TYPE_MISMATCH`,
   * `TABLE_READ_ONLY`, `FEATURE_UNSUPPORTED`, those of the stores.
   */
  async append(source: AppendSource, options: AppendOptions = {}): Promise<AppendOutcome> {
    this.#assertWritable();
    const result = await atTable(this.uri, () =>
      append(this.#context, this.#snapshot, source, options),
    );
    // Of several appends at once, the one that is answered last need not be the newest.
    if (result.snapshot.version >= this.#snapshot.version) this.#snapshot = result.snapshot;
    return {
      kind: result.kind,
      version: result.snapshot.version,
      files: result.fileCount,
      rows: result.rowCount,
      bytes: result.sizeBytes,
      postCommitErrors: result.postCommitErrors,
    };
  }

  /**
   * Puts the source in the place of all rows, or of those that `replaceWhere`, the partitions that come in, or the keys that
   * come in say, in one commit. Errors: those of `append`; `OVERWRITE_INVALID`, `REPLACE_MISMATCH`, `APPEND_ONLY`.
   */
  async overwrite(source: AppendSource, options: OverwriteOptions = {}): Promise<OverwriteOutcome> {
    this.#assertWritable();
    const result = await atTable(this.uri, () =>
      overwrite(this.#context, this.#snapshot, source, options),
    );
    this.#snapshot = result.snapshot;
    return {
      kind: result.kind,
      version: result.snapshot.version,
      files: result.fileCount,
      rows: result.rowCount,
      bytes: result.sizeBytes,
      filesRemoved: result.removedCount,
      postCommitErrors: result.postCommitErrors,
    };
  }

  /**
   * MERGE by copy-on-write, in one commit. `t` is the table and `s` the source in every condition. Where another writer
   * was first it is computed again on what that one left. Errors: `MERGE_AMBIGUOUS`, those of `append` and of parsing.
   */
  async merge(spec: MergeSpec): Promise<MergeOutcome> {
    this.#assertWritable();
    const result = await atTable(this.uri, () => merge(this.#context, this.#snapshot, spec));
    this.#snapshot = result.snapshot;
    return {
      kind: result.kind,
      version: result.snapshot.version,
      inserted: result.insertedCount,
      updated: result.updatedCount,
      deleted: result.deletedCount,
      filesAdded: result.filesAdded,
      filesRemoved: result.filesRemoved,
      postCommitErrors: result.postCommitErrors,
    };
  }

  /**
   * Deletes the rows for which `where` is true, by default all, in one commit: by files written again, or by deletion
   * vectors. Errors: those of parsing, `APPEND_ONLY`, `FEATURE_UNSUPPORTED`, `TABLE_READ_ONLY`, those of the stores.
   */
  async delete(options: DeleteOptions = {}): Promise<RowChangeOutcome> {
    return this.#changeRows((snapshot) => deleteRows(this.#context, snapshot, options));
  }

  /** Gives the rows for which `where` is true, by default all, new values, likewise. Errors: `UPDATE_COLUMN`, those above. */
  async update(options: UpdateOptions): Promise<RowChangeOutcome> {
    return this.#changeRows((snapshot) => updateRows(this.#context, snapshot, options));
  }

  /**
   * Packs the small files of each partition into few of the target size; no row changes. Never in conflict with appends;
   * where another writer took a file away meanwhile, only what goes with it is packed again. Files that were replaced
   * stay on disk for older versions. Errors: `OPTIMIZE_INVALID`, `COLUMN_UNKNOWN`, those of parsing `where`,
   * `TABLE_READ_ONLY`, `FEATURE_UNSUPPORTED`, those of the stores.
   */
  async optimize(options: OptimizeOptions = {}): Promise<OptimizeOutcome> {
    this.#assertWritable();
    const result = await atTable(this.uri, () => optimize(this.#context, this.#snapshot, options));
    this.#snapshot = result.snapshot;
    return {
      kind: result.kind,
      version: result.snapshot.version,
      commits: result.commitCount,
      filesAdded: result.filesAdded,
      filesRemoved: result.filesRemoved,
      bytesAdded: result.bytesAdded,
      bytesRemoved: result.bytesRemoved,
      binsLost: result.binsLost,
      postCommitErrors: result.postCommitErrors,
    };
  }

  /** The rows of this snapshot, in no promised order. Errors: those of parsing `where`, `TABLE_FILE_MISSING`. */
  async *scan(options: ScanOptions = {}): AsyncGenerator<Row> {
    const rows = scanRows(this.#context, this.#snapshot, options);
    try {
      yield* rows;
    } catch (error) {
      throw namingTable(this.uri, error);
    }
  }

  /**
   * The rows that changed from one version to another, both inclusive, in the order of versions, with the columns
   * `_change_type`, `_commit_version` and `_commit_timestamp` behind the table's. Errors: `CHANGES_RANGE`,
   * `CHANGES_NOT_RECORDED`, `CHANGES_GONE`, `TABLE_FILE_MISSING`.
   */
  async *readChanges(options: ChangesOptions): AsyncGenerator<Row> {
    const rows = readChanges(this.#context, this.#snapshot, options);
    try {
      yield* rows;
    } catch (error) {
      throw namingTable(this.uri, error);
    }
  }

  /** The live files of this snapshot, in no promised order. */
  *files(options: ListFilesOptions = {}): Iterable<TableFile> {
    for (const entry of listFiles(this.#snapshot, options)) {
      yield { ...entry, uri: dataFileUri(this.#context.store, entry.path) };
    }
  }

  /** The commits still in the log, newest first; of a table opened in the past, those up to its version. */
  async history(options: { readonly limit?: number } = {}): Promise<readonly HistoryEntry[]> {
    const { metadata } = await refreshSnapshot(this.#context, this.#snapshot);
    if (!this.#pinned) return readHistory(this.#context, { ...options, metadata });
    const entries = await readHistory(this.#context, { metadata });
    return entries.filter((e) => e.version <= this.#snapshot.version).slice(0, options.limit);
  }

  /** Rows and SHA-256 of the canonical form `deltacanon-1`: equal for equal rows in any order and layout. */
  async checksum(
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<{ readonly rows: number; readonly sha256: string }> {
    const { rowCount, sha256 } = await atTable(this.uri, () =>
      checksum(this.#context, this.#snapshot, options),
    );
    return { rows: rowCount, sha256 };
  }

  /**
   * Sets and unsets table properties, in one commit, and raises the protocol as far as they need. As in Spark,
   * `delta.minReaderVersion`, `delta.minWriterVersion` and `delta.feature.NAME=supported` say what the protocol is to be.
   * Errors: `PROPERTY_INVALID`, `FEATURE_UNKNOWN`, `FEATURE_UNSUPPORTED`, `ALTER_CONTENDED`, `TABLE_READ_ONLY`.
   */
  async setProperties(
    properties: Readonly<Record<string, string>>,
    { unset = [] }: { readonly unset?: readonly string[] } = {},
  ): Promise<AlterOutcome> {
    return this.#alter((snapshot) =>
      setProperties(this.#context, snapshot, { set: properties, unset }),
    );
  }

  /** As `setProperties`: properties that are not set are passed over. */
  async unsetProperties(...keys: readonly string[]): Promise<AlterOutcome> {
    return this.setProperties({}, { unset: keys });
  }

  /** Gives the table a feature by its name, and those that it needs; a property then puts it to use. Errors as above. */
  async enableFeature(name: string): Promise<AlterOutcome> {
    return this.#alter((snapshot) => enableFeature(this.#context, snapshot, name));
  }

  /**
   * Takes a feature from the table. Errors: `FEATURE_UNKNOWN`; `FEATURE_NEEDED` by another feature; `FEATURE_IN_USE` where
   * columns rest on it or files would have to be rewritten; `ALTER_CONTENDED`, `TABLE_READ_ONLY`.
   */
  async dropFeature(name: string): Promise<AlterOutcome> {
    return this.#alter((snapshot) => dropFeature(this.#context, snapshot, name));
  }

  /** What a domain of the table's metadata says; null where there is none of this name. */
  domain(name: string): string | null {
    return domainOf(this.#snapshot, name);
  }

  /** Sets a domain to a text, or removes it with null. Errors: `DOMAIN_RESERVED` for the protocol's own, those above. */
  async setDomain(domain: string, configuration: string | null): Promise<AlterOutcome> {
    return this.#alter((snapshot) => setDomain(this.#context, snapshot, { domain, configuration }));
  }

  /** Says by which columns rows are to be laid out when files are rewritten; none for no order. Errors: `COLUMN_UNKNOWN`, `CLUSTERING_INVALID`, those above. */
  async clusterBy(...columns: readonly string[]): Promise<AlterOutcome> {
    return this.#alter((snapshot) => clusterBy(this.#context, snapshot, columns));
  }

  /**
   * Gives a column a wider type (`bigint` for `int`), which needs `delta.enableTypeWidening`; no file is rewritten. Errors:
   * `COLUMN_CHANGE_INVALID`, those of parsing `type`, those above.
   */
  async widenColumn(column: string, type: string): Promise<AlterOutcome> {
    const change = { column, type: parseType(type) };
    return this.#alter((snapshot) => widenType(this.#context, snapshot, change));
  }

  /**
   * Deletes what of the log is older than `delta.logRetentionDuration`, up to a checkpoint, after the versions that stay were
   * shown to load without it; older versions cannot be opened then. `dryRun` only says what would go. Errors:
   * `TABLE_READ_ONLY`, `FEATURE_UNSUPPORTED`, those of opening and of the stores.
   */
  async cleanUpLog(options: { readonly dryRun?: boolean } = {}): Promise<CleanupResult> {
    this.#assertWritable();
    return cleanUpLog(this.#context, this.#snapshot, options);
  }

  /** Writes a checkpoint of this snapshot; commits do so by themselves every `delta.checkpointInterval` versions. */
  async checkpoint(): Promise<void> {
    await writeCheckpoint(this.#context, this.#snapshot);
  }

  /**
   * Brings the symlink manifest up to the newest version: the partitions that commits touched since it was last
   * written, or with `full` all of them. The manifest of a partition that has no files any more is left empty. Errors: `MANIFEST_UNSUPPORTED`, `MANIFEST_CONTENDED`.
   */
  async generateManifest(options: { readonly full?: boolean } = {}): Promise<ManifestResult> {
    this.#assertWritable();
    const published = await atTable(this.uri, () =>
      publishManifest(this.#context, this.#snapshot, options),
    );
    this.#snapshot = published.snapshot;
    return { version: published.snapshot.version, written: published.writtenCount };
  }

  /** The URIs of the data files that the manifest names. */
  manifestPaths(): AsyncIterable<string> {
    return manifestPaths(this.#context, this.#snapshot.version);
  }

  /** Ends the engine and lets go of sockets. Nothing may run on the table then. */
  async close(): Promise<void> {
    await this.#group?.idle();
    await this.#tools.close();
  }

  async #changeRows(
    work: (snapshot: Snapshot) => Promise<RowChangeResult>,
  ): Promise<RowChangeOutcome> {
    this.#assertWritable();
    const result = await atTable(this.uri, () => work(this.#snapshot));
    const { snapshot, rowCount: rows, ...facts } = result;
    this.#snapshot = snapshot;
    return { ...facts, version: snapshot.version, rows };
  }

  async #alter(work: (snapshot: Snapshot) => Promise<AlterResult>): Promise<AlterOutcome> {
    this.#assertWritable();
    const { kind, snapshot, postCommitErrors } = await atTable(this.uri, () =>
      work(this.#snapshot),
    );
    this.#snapshot = snapshot;
    return { kind, version: snapshot.version, postCommitErrors };
  }

  #assertWritable(): void {
    if (this.#pinned) throw readOnlyTable(this.uri, this.#snapshot.version);
  }
}

function timeOf(timestamp: Date | string): number {
  const micros = toScalar(timestamp, TIMESTAMP);
  assert(typeof micros === 'bigint', 'a timestamp is held as a bigint');
  return Number(micros / 1000n);
}
