/**
 * New files below a prefix, each handed out once: found by listing, remembered by the checkpoint. A file is probed
 * before it is planned, so that a batch holds only what could be read, and what can be read at a second try is not lost.
 */

import type { ObjectMeta, ObjectStore, StorePath } from '../store/index.ts';
import { type Deferral, readDeferrals, writeDeferrals } from './deferrals.ts';
import { sourceMoved } from './errors.ts';
import { fromPathUri, toPathUri } from './path-uri.ts';
import {
  appendSourceLog,
  cleanSourceLog,
  type FileEntry,
  readSourceLog,
  type SourceLog,
} from './source-log.ts';

/** How much of what is there one batch takes; it always takes one file. */
export interface BatchLimits {
  readonly filesMax: number;
  readonly bytesMax: number;
}

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

const READABLE = /\.(?:parquet|json|jsonl|ndjson)$/i;

export class FileSource {
  readonly #store: ObjectStore;
  readonly #checkpoint: ObjectStore;
  /** What the run before deferred: such a file is not deferred again while it is unchanged. */
  readonly #before: ReadonlyMap<StorePath, Deferral>;
  #deferrals: ReadonlyMap<StorePath, Deferral>;
  #log: SourceLog;

  private constructor(spec: {
    store: ObjectStore;
    checkpoint: ObjectStore;
    deferrals: readonly Deferral[];
    log: SourceLog;
  }) {
    this.#store = spec.store;
    this.#checkpoint = spec.checkpoint;
    this.#before = new Map(spec.deferrals.map((deferral) => [deferral.path, deferral]));
    this.#deferrals = this.#before;
    this.#log = spec.log;
  }

  /** `store` is rooted at the prefix, `checkpoint` at the job's checkpoint directory. */
  static async open(store: ObjectStore, checkpoint: ObjectStore): Promise<FileSource> {
    const [log, deferrals] = await Promise.all([
      readSourceLog(checkpoint.at('sources/0')),
      readDeferrals(checkpoint),
    ]);
    return new FileSource({ store, checkpoint, deferrals, log });
  }

  /** The last listing that found files, or -1: beyond what is planned where a run stopped between the two. */
  get logOffset(): number {
    return this.#log.latest;
  }

  /**
   * The files that a batch from `after` (exclusive) to `through` (inclusive) was planned with. Errors: `SOURCE_MOVED`
   * where one is not below the root.
   */
  plannedFiles(range: { readonly after: number; readonly through: number }): PlannedFile[] {
    return this.#log.entries
      .filter((entry) => entry.logOffset > range.after && entry.logOffset <= range.through)
      .map(({ uri, modifiedMs, rejected }) => {
        const path = fromPathUri(this.#store.uri, uri);
        if (path === null) throw sourceMoved(this.#store.uri, uri);
        return { path, uri, modifiedMs, rejected };
      });
  }

  /**
   * What is there and new, in the order of the bytes of the paths, cut into batches: everything that one run takes.
   * Names that start with `_` or `.`, folders too, and other endings than the readable ones are passed over. Files that
   * the run before deferred come first where they are gone now.
   */
  async listNew(limits: BatchLimits): Promise<SourceFile[][]> {
    const remembered = this.#remembered();
    const gone = new Map<StorePath, SourceFile>();
    for (const deferral of this.#before.values()) {
      if (isOpen(deferral, remembered.get(deferral.path))) {
        gone.set(deferral.path, { ...deferral, etag: null });
      }
    }
    const files: SourceFile[] = [];
    for await (const meta of this.#store.list('', { recursive: true })) {
      if (!isVisible(meta.path)) continue;
      const retried = gone.delete(meta.path);
      const known = remembered.get(meta.path);
      if (retried || known === undefined || isReplaced(known, meta)) files.push(meta);
    }
    return cut([...gone.values(), ...files], limits);
  }

  /** Whether the run before deferred the file, and it has not changed since: it is not deferred again. */
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
    const entries: Omit<FileEntry, 'logOffset'>[] = [];
    for (const { file, probe } of probed) {
      if (probe.kind === 'unreadable' && !this.isSecondTry(file)) {
        deferred.push({ file, code: probe.code, reason: probe.reason });
        continue;
      }
      const rejected =
        probe.kind === 'ready'
          ? null
          : { code: probe.code, reason: probe.reason, sizeBytes: file.sizeBytes };
      const uri = toPathUri(this.#store.uri, file.path);
      entries.push({ uri, modifiedMs: file.modifiedMs, rejected });
    }
    if (entries.length > 0) this.#log = await appendSourceLog(this.#log, entries);
    await this.settle({ seen: probed.map(({ file }) => file), failed: deferred });
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

  /** Deletes what the log holds twice. */
  async clean(): Promise<void> {
    await cleanSourceLog(this.#log);
  }

  #remembered(): Map<StorePath, FileEntry> {
    const remembered = new Map<StorePath, FileEntry>();
    for (const entry of this.#log.entries) {
      const path = fromPathUri(this.#store.uri, entry.uri);
      if (path !== null) remembered.set(path, entry);
    }
    return remembered;
  }
}

function isVisible(path: StorePath): boolean {
  return READABLE.test(path) && !/(?:^|\/)[_.]/.test(path);
}

// A file is settled once the log has an entry for it that is younger than its deferral.
function isOpen(deferral: Deferral, known: FileEntry | undefined): boolean {
  return known === undefined || known.logOffset <= deferral.logOffset;
}

// What was taken stays taken; what was rejected is a new file once it has changed.
function isReplaced(known: FileEntry, meta: ObjectMeta): boolean {
  if (known.rejected === null) return false;
  return known.rejected.sizeBytes !== meta.sizeBytes || known.modifiedMs !== meta.modifiedMs;
}

function cut(files: readonly SourceFile[], limits: BatchLimits): SourceFile[][] {
  const batches: SourceFile[][] = [];
  let batch: SourceFile[] = [];
  let bytes = 0;
  for (const file of files) {
    const full = batch.length >= limits.filesMax || bytes + file.sizeBytes > limits.bytesMax;
    if (full && batch.length > 0) {
      batches.push(batch);
      batch = [];
      bytes = 0;
    }
    batch.push(file);
    bytes += file.sizeBytes;
  }
  return batch.length === 0 ? batches : [...batches, batch];
}
