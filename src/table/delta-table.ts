/** A table as programs hold it: a snapshot that moves on with what is committed, and the verbs of `ops/`. */

import { assert } from '../base/index.ts';
import { parseDdl, type Row } from '../schema/index.ts';
import { AlterableTable } from './alterable-table.ts';
import type { AlterResult } from './alter.ts';
import { writeCheckpoint } from './checkpoint.ts';
import type { CleanupResult } from './cleanup.ts';
import { createTable } from './create.ts';
import type {
  AlterOutcome,
  AppendOutcome,
  CloneOutcome,
  CopyIntoOutcome,
  CreateTableSpec,
  EraseOutcome,
  ManifestResult,
  MergeOutcome,
  OpenTableOptions,
  OptimizeOutcome,
  OverwriteOutcome,
  RestoreOutcome,
  RestoreTableOptions,
  RowChangeOutcome,
  TableFile,
  VacuumOutcome,
} from './delta-table-types.ts';
import { detailOf, type TableDetail } from './detail.ts';
import type { Finding } from './doctor-types.ts';
import { strangerOf } from './doctor-writers.ts';
import { atTable, namingTable, readOnlyTable } from './errors.ts';
import { GroupCommit } from './group-commit.ts';
import { type HistoryEntry, readHistory } from './history.ts';
import { cleanUpLog } from './lazy.ts';
import { dataFileUri } from './manifest-layout.ts';
import { manifestPaths, publishManifest } from './manifest.ts';
import { openSnapshot, refreshSnapshot } from './open.ts';
import type { AppendOptions, AppendSource } from './ops/append-source.ts';
import { listFiles, type ListFilesOptions } from './ops/files.ts';
import type { MergeExplanation } from './ops/merge-types.ts';
import type { NamedMergeSpec } from './ops/merge-named.ts';
import type { ChangesOptions } from './ops/changes.ts';
import type { CloneOptions } from './ops/clone.ts';
import type { CopyIntoOptions } from './ops/copy-into.ts';
import type { DeleteOptions } from './ops/delete.ts';
import type { EraseOptions } from './ops/erase.ts';
import {
  append,
  checksum,
  clone,
  copyInto,
  deleteRows,
  erase,
  explainMerge,
  merge,
  openedSpec,
  optimize,
  overwrite,
  readChanges,
  reorg,
  restore,
  scanRows,
  updateRows,
  vacuum,
} from './ops/index.ts';
import type { OptimizeOptions, ReorgOptions } from './ops/optimize.ts';
import type { OverwriteOptions } from './ops/overwrite.ts';
import type { ScanOptions } from './ops/scan.ts';
import type { RowChangeResult } from './ops/row-changes.ts';
import type { UpdateOptions } from './ops/update.ts';
import type { VacuumOptions } from './ops/vacuum.ts';
import { tableContext, type TableTools } from './table-tools.ts';
import { timeOf } from './time-travel.ts';
import type { Snapshot, TableContext } from './types.ts';

export class DeltaTable extends AlterableTable {
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
    super();
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
    const result = await this.#moved((it) => append(this.#context, it, source, options));
    const { fileCount: files, rowCount: rows, sizeBytes: bytes, ...facts } = result;
    return { ...facts, files, rows, bytes };
  }

  /**
   * Loads the files below a prefix that the table does not have yet, each once, ever: the table itself remembers them. Errors:
   * `COPY_INTO_INVALID`, `COPY_INTO_FORGETS`, `COPY_INTO_REJECTED` unless bad files are to be skipped, those of `append`.
   */
  async copyInto(options: CopyIntoOptions): Promise<CopyIntoOutcome> {
    return this.#moved((it) => copyInto(this.#context, it, options));
  }

  /**
   * Puts the source in the place of all rows, or of those that `replaceWhere`, the partitions that come in, or the keys that
   * come in say, in one commit. Errors: those of `append`; `OVERWRITE_INVALID`, `REPLACE_MISMATCH`, `APPEND_ONLY`.
   */
  async overwrite(source: AppendSource, options: OverwriteOptions = {}): Promise<OverwriteOutcome> {
    const result = await this.#moved((it) => overwrite(this.#context, it, source, options));
    const { removedCount: filesRemoved, ...appended } = result;
    const { fileCount: files, rowCount: rows, sizeBytes: bytes, ...facts } = appended;
    return { ...facts, files, rows, bytes, filesRemoved };
  }

  /**
   * MERGE, in one commit, by files written again or by deletion vectors. `t` is the table and `s` the source in every
   * condition. Where another writer was first it is computed again on what that one left. Errors: `MERGE_AMBIGUOUS`,
   * those of `append` and of parsing, of opening the tables of the source, and `QUERY_INVALID`.
   */
  async merge(spec: NamedMergeSpec): Promise<MergeOutcome> {
    const opened = await openedSpec(this.#tools, spec);
    const result = await this.#moved((it) => merge(this.#context, it, opened));
    assert(result.kind !== 'stale', 'a merge without steps begins anywhere');
    return {
      kind: result.kind,
      version: result.version,
      inserted: result.insertedCount,
      updated: result.updatedCount,
      deleted: result.deletedCount,
      filesAdded: result.filesAdded,
      filesRemoved: result.filesRemoved,
      filesHidden: result.filesHidden,
      postCommitErrors: result.postCommitErrors,
    };
  }

  /** What `merge` would do to which files; nothing is written. Errors: as for `merge`. */
  async explainMerge(spec: NamedMergeSpec): Promise<MergeExplanation> {
    const opened = await openedSpec(this.#tools, spec);
    return atTable(this.uri, () => explainMerge(this.#context, this.#snapshot, opened));
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
    const result = await this.#moved((it) => optimize(this.#context, it, options));
    const { commitCount: commits, ...facts } = result;
    return { ...facts, commits };
  }

  /**
   * Writes files again that hold rows which are deleted, or columns which were dropped, without them; no row changes. Older
   * versions have them until `vacuum`. The footer of each file is read. Errors: those of `optimize`.
   */
  async reorg(options: ReorgOptions = {}): Promise<OptimizeOutcome> {
    const result = await this.#moved((it) => reorg(this.#context, it, options));
    const { commitCount: commits, ...facts } = result;
    return { ...facts, commits };
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

  /** What the table is at this version, by the names of Spark's DESCRIBE DETAIL. */
  detail(): TableDetail {
    return detailOf(this.#snapshot, this.uri);
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
   * Deletes what of the log is older than `delta.logRetentionDuration`, up to a checkpoint, after the versions that stay were
   * shown to load without it; older versions cannot be opened then. `dryRun` only says what would go. Errors:
   * `TABLE_READ_ONLY`, `FEATURE_UNSUPPORTED`, those of opening and of the stores.
   */
  async cleanUpLog(options: { readonly dryRun?: boolean } = {}): Promise<CleanupResult> {
    this.#assertWritable();
    return cleanUpLog(this.#context, this.#snapshot, options);
  }

  /**
   * Deletes old files that no version within the retention needs, and none that a published manifest or a shallow clone does.
   * Errors: `VACUUM_RETENTION_SHORT`, `VACUUM_LITE_INCOMPLETE`, `VACUUM_CLONE_UNREADABLE`, `TABLE_READ_ONLY`, those of the stores.
   */
  async vacuum(options: VacuumOptions = {}): Promise<VacuumOutcome> {
    return this.#moved((snapshot) => vacuum(this.#context, snapshot, options));
  }

  /**
   * Deletes rows, and every file and log entry below the table that holds such a row or speaks of one, as far as that can be proved
   * safe: the report says what was searched, what is left, and which versions cannot be read any more. To be done again until it
   * is clean. Errors: `ERASE_INVALID`, `ERASE_ELSEWHERE`, `ERASE_UNREADABLE`, `ERASE_CLONE`, those of `delete` and `vacuum`.
   */
  async erase(options: EraseOptions): Promise<EraseOutcome> {
    return this.#moved((snapshot) => erase(this.#context, snapshot, options));
  }

  /**
   * Brings files, schema and properties of an older version back, in one commit. Errors: `RESTORE_FILES_MISSING`, unless
   * `ignoreMissing`; `RESTORE_INVALID`, `APPEND_ONLY`, `TABLE_READ_ONLY`, those of opening and of the stores.
   */
  async restore({ timestamp, ...options }: RestoreTableOptions): Promise<RestoreOutcome> {
    const time = timestamp === undefined ? {} : { timestampMs: timeOf(timestamp) };
    return this.#moved((snapshot) => restore(this.#context, snapshot, { ...options, ...time }));
  }

  /** Makes a clone of this version at an empty place. Errors: `TABLE_EXISTS`, `CLONE_INVALID`, `CLONE_FILES_MISSING`, those of the stores. */
  async clone(uri: string, options: CloneOptions): Promise<CloneOutcome> {
    const target = tableContext(this.#tools, this.#tools.openStore(uri));
    const { snapshot, ...facts } = await clone(this.#context, this.#snapshot, target, options);
    return { ...facts, version: snapshot.version };
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
    const published = await this.#moved((it) => publishManifest(this.#context, it, options));
    return { version: published.version, written: published.writtenCount };
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

  protected alter(
    work: (ctx: TableContext, snapshot: Snapshot) => Promise<AlterResult>,
  ): Promise<AlterOutcome> {
    return this.#moved((snapshot) => work(this.#context, snapshot));
  }

  async #changeRows(
    work: (snapshot: Snapshot) => Promise<RowChangeResult>,
  ): Promise<RowChangeOutcome> {
    const { rowCount: rows, ...facts } = await this.#moved(work);
    return { ...facts, rows };
  }

  /** Work after which the table stands at another version, which the outcome tells. */
  async #moved<T extends { readonly snapshot: Snapshot }>(
    work: (snapshot: Snapshot) => Promise<T>,
  ): Promise<Omit<T, 'snapshot'> & { readonly version: number }> {
    this.#assertWritable();
    const { snapshot, ...facts } = await atTable(this.uri, () => work(this.#snapshot));
    // Of several appends at once, the one that is answered last need not be the newest.
    const isOther = snapshot.metadata.id !== this.#snapshot.metadata.id;
    if (isOther || snapshot.version >= this.#snapshot.version) this.#snapshot = snapshot;
    return { ...facts, version: snapshot.version };
  }

  #assertWritable(): void {
    if (this.#pinned) throw readOnlyTable(this.uri, this.#snapshot.version);
  }
}
