/**
 * New files below a prefix, each handed out once, remembered by the checkpoint. They are found by listing; where the prefix
 * is a sink's folder, by its log alone, as Spark has it: files that it does not name are not there. A file is probed
 * before it is planned, so that a batch holds only what could be read, and what can be read at a second try is not lost.
 */

import pLimit from 'p-limit';

import type { ObjectMeta, ObjectStore, StorePath } from '../store/index.ts';
import { type BatchLimits, inBatches, isInput, isReadable } from '../table/index.ts';
import type { LogPosition } from './compact-log.ts';
import { type Deferral, readDeferrals, writeDeferrals } from './deferrals.ts';
import { sourceMoved } from './errors.ts';
import { fromPathUri } from './path-uri.ts';
import { type LoggedFile, SinkLogReader } from './sink-log.ts';
import { type FileEntry, type NewEntry, SourceLog } from './source-log.ts';
import {
  readSourcePosition,
  SOURCE_START,
  type SourcePosition,
  writeSourcePosition,
} from './source-position.ts';

export interface SourceFile {
  /** Below the root of the source. */
  readonly path: StorePath;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
  /** Null where the file was not listed again after it had been deferred. */
  readonly etag: string | null;
}

/** What a look at a file says before it is planned. */
export type Probe =
  | { readonly kind: 'ready' }
  /** May become readable: it is incomplete, or gone. */
  | { readonly kind: 'unreadable'; readonly code: string; readonly reason: string }
  /** Never fits as it is. */
  | { readonly kind: 'unfit'; readonly code: string; readonly reason: string };

/** A file that could not be read, and why. */
export interface Failure {
  readonly file: SourceFile;
  readonly code: string;
  readonly reason: string;
}

export interface Probed {
  readonly file: SourceFile;
  readonly probe: Probe;
}

/** A file of a planned batch. */
export interface PlannedFile {
  readonly path: StorePath;
  readonly uri: string;
  readonly modifiedMs: number;
  readonly rejected: FileEntry['rejected'];
}

/** What came of the files that were offered. */
export interface FilePlan {
  /** Where the source stands now: what `offsets/N` records. Unchanged where every file was deferred. */
  readonly logOffset: number;
  readonly deferred: readonly Failure[];
}

const HEADS_AT_ONCE = 16;

export class FileSource {
  readonly #store: ObjectStore;
  readonly #checkpoint: ObjectStore;
  /** What was deferred before this look: such a file is not deferred again while it is unchanged. */
  #before: ReadonlyMap<StorePath, Deferral>;
  #deferrals: ReadonlyMap<StorePath, Deferral>;
  readonly #log: SourceLog;
  /** Where the prefix is a sink's folder. */
  #sink: SinkLogReader | null;
  /** Every file of the sink's log up to there is in ours. */
  #position: SourcePosition;
  /** Files that the last look at the sink's log offered and that are not planned yet. */
  readonly #offered = new Set<StorePath>();
  #sinkPositionOffered: LogPosition | null = null;

  private constructor(spec: {
    store: ObjectStore;
    checkpoint: ObjectStore;
    deferrals: readonly Deferral[];
    log: SourceLog;
    sink: SinkLogReader | null;
    position: SourcePosition;
  }) {
    this.#store = spec.store;
    this.#checkpoint = spec.checkpoint;
    this.#before = new Map(spec.deferrals.map((deferral) => [deferral.path, deferral]));
    this.#deferrals = this.#before;
    this.#log = spec.log;
    this.#sink = spec.sink;
    this.#position = spec.position;
  }

  /**
   * `store` is rooted at the prefix, `checkpoint` at the job's checkpoint directory. Errors: `CHECKPOINT_BROKEN`,
   * `CHECKPOINT_VERSION`.
   */
  static async open(store: ObjectStore, checkpoint: ObjectStore): Promise<FileSource> {
    const [sink, position, deferrals] = await Promise.all([
      SinkLogReader.open(store),
      readSourcePosition(checkpoint),
      readDeferrals(checkpoint),
    ]);
    // A prefix that is listed is held against everything that was ever handed out.
    const since = (sink === null ? null : position) ?? SOURCE_START;
    const log = await SourceLog.open({
      store: checkpoint.at('sources/0'),
      base: store.uri,
      since: since.source,
    });
    // A note that is not of this log says nothing of the other one either.
    const known = log.isWhole ? SOURCE_START : since;
    return new FileSource({ store, checkpoint, deferrals, log, sink, position: known });
  }

  /** The last listing that found files, or -1: beyond what is planned where a run stopped between the two. */
  get logOffset(): number {
    return this.#log.latest;
  }

  /**
   * The files that a batch from `after` (exclusive) to `through` (inclusive) was planned with. Errors: `SOURCE_MOVED`
   * where one is not below the root.
   */
  async plannedFiles(range: {
    readonly after: number;
    readonly through: number;
  }): Promise<PlannedFile[]> {
    const entries = await this.#log.entries(range);
    return entries.map(({ uri, modifiedMs, rejected }) => {
      const path = fromPathUri(this.#store.uri, uri);
      if (path === null) throw sourceMoved(this.#store.uri, uri);
      return { path, uri, modifiedMs, rejected };
    });
  }

  /**
   * What is there and new, cut into batches: everything that a run takes, or one look of a run that goes on. Files that were deferred before
   * come first where they are gone now. From a listing: in the order of the bytes of the paths; names that start with `_` or
   * `.`, folders too, and other endings than the readable ones are passed over. From a sink's log: in its order, for the
   * cost of what is new. Errors: `SINK_LOG_BROKEN`, `SINK_LOG_VERSION`, `SINK_LOG_MOVED`.
   */
  async listNew(limits: BatchLimits): Promise<SourceFile[][]> {
    this.#before = this.#deferrals;
    const retried = new Map<StorePath, SourceFile>();
    for (const deferral of this.#before.values()) {
      const known = this.#log.entry(deferral.path);
      if (isOpen(deferral, known)) retried.set(deferral.path, { ...deferral, etag: null });
    }
    this.#sink ??= await SinkLogReader.open(this.#store);
    const files =
      this.#sink === null ? await this.#list(retried) : await this.#readSink(this.#sink, retried);
    return inBatches([...retried.values(), ...files], limits);
  }

  /** Whether the file was deferred before this look, and has not changed since: it is not deferred again. */
  isSecondTry(file: SourceFile): boolean {
    const before = this.#before.get(file.path);
    if (before === undefined) return false;
    return before.sizeBytes === file.sizeBytes && before.modifiedMs === file.modifiedMs;
  }

  /**
   * Remembers probed files as handed out: the readable ones, and those rejected for good. Those that cannot be read yet
   * are deferred, each once. Errors: `JOB_CONCURRENT`.
   */
  async plan(probed: readonly Probed[]): Promise<FilePlan> {
    const deferred: Failure[] = [];
    const entries: NewEntry[] = [];
    for (const { file, probe } of probed) {
      if (probe.kind === 'unreadable' && !this.isSecondTry(file)) {
        deferred.push({ file, code: probe.code, reason: probe.reason });
        continue;
      }
      const rejected =
        probe.kind === 'ready'
          ? null
          : { code: probe.code, reason: probe.reason, sizeBytes: file.sizeBytes };
      entries.push({ path: file.path, modifiedMs: file.modifiedMs, rejected });
    }
    if (entries.length > 0) await this.#log.append(entries);
    await this.settle({ seen: probed.map(({ file }) => file), failed: deferred });
    this.#passOffered(probed.map(({ file }) => file.path));
    return { logOffset: this.#log.latest, deferred };
  }

  /**
   * Takes note of which of the files `seen` could not be read. For files that were planned, call it before the rows of
   * the others are committed: it is what brings the missing ones back in the next run.
   */
  async settle(outcome: {
    readonly seen: readonly { readonly path: StorePath }[];
    readonly failed: readonly Failure[];
  }): Promise<void> {
    const known = outcome.seen.some(({ path }) => this.#deferrals.has(path));
    if (!known && outcome.failed.length === 0) return;
    const next = new Map(this.#deferrals);
    for (const { path } of outcome.seen) next.delete(path);
    for (const { file, code, reason } of outcome.failed) {
      const { path, sizeBytes, modifiedMs } = file;
      const logOffset = this.#log.latest;
      next.set(path, { path, sizeBytes, modifiedMs, code, reason, logOffset });
    }
    this.#deferrals = next;
    await writeDeferrals(this.#checkpoint, [...next.values()]);
  }

  /**
   * Deletes what the log holds twice, and notes how far a sink's log was read. Once in several batches is enough, when
   * all that was planned is committed.
   */
  async clean(): Promise<void> {
    await this.#log.clean();
    // A deferred file is not listed again; without the note of it, only the whole log brings it back.
    if (this.#sink === null || this.#deferrals.size > 0) return;
    await writeSourcePosition(this.#checkpoint, this.#position);
  }

  /** New files of the prefix; those of `retried` that are there leave it. */
  async #list(retried: Map<StorePath, SourceFile>): Promise<SourceFile[]> {
    const files: SourceFile[] = [];
    const skip = (path: StorePath): boolean =>
      !isInput(path) || (this.#log.has(path) && !this.#log.isRejected(path) && !retried.has(path));
    for await (const meta of this.#store.list('', { recursive: true, skip })) {
      if (retried.delete(meta.path) || this.#isNew(meta)) files.push(meta);
    }
    return files;
  }

  /** New files of a sink's log; those of `retried` are brought up to date. */
  async #readSink(sink: SinkLogReader, retried: Map<StorePath, SourceFile>): Promise<SourceFile[]> {
    const since = this.#position.sink;
    const { files, position, isRestarted } = await sink.read(since);
    if (isRestarted || since.offset === -1) await this.#log.loadWhole();
    const fresh = files.filter(
      ({ path }) => isReadable(path) && !retried.has(path) && !this.#log.has(path),
    );
    for (const file of await this.#headAll([...retried.values()])) retried.set(file.path, file);
    this.#sinkPositionOffered = position;
    this.#offered.clear();
    for (const { path } of fresh) this.#offered.add(path);
    this.#passOffered([]);
    return this.#headAll(fresh);
  }

  #isNew(meta: ObjectMeta): boolean {
    if (!this.#log.has(meta.path)) return true;
    if (!this.#log.isRejected(meta.path)) return false;
    const known = this.#log.entry(meta.path);
    return known !== null && isReplaced(known, meta);
  }

  /** What is known of files now; `etag` is null where one is gone. */
  async #headAll(files: readonly LoggedFile[]): Promise<SourceFile[]> {
    const limit = pLimit(HEADS_AT_ONCE);
    return Promise.all(
      files.map((file) =>
        limit(async (): Promise<SourceFile> => {
          return (await this.#store.head(file.path)) ?? { ...file, etag: null };
        }),
      ),
    );
  }

  #passOffered(paths: readonly StorePath[]): void {
    for (const path of paths) this.#offered.delete(path);
    if (this.#offered.size > 0 || this.#sinkPositionOffered === null) return;
    this.#position = { source: this.#log.position, sink: this.#sinkPositionOffered };
    this.#sinkPositionOffered = null;
  }
}

// A file is settled once the log has an entry for it that is younger than its deferral.
function isOpen(deferral: Deferral, known: FileEntry | null): boolean {
  return known === null || known.logOffset <= deferral.logOffset;
}

// What was taken stays taken; what was rejected is a new file once it has changed.
function isReplaced(known: FileEntry, meta: ObjectMeta): boolean {
  if (known.rejected === null) return false;
  return known.rejected.sizeBytes !== meta.sizeBytes || known.modifiedMs !== meta.modifiedMs;
}
