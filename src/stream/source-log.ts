/**
 * The files a source has handed out, remembered exactly, in the format of Spark's file source (`compact-log.ts`):
 *
 *     sources/0/N     v1↵{"path":"file:///…/a.json","timestamp":1795365491216,"batchId":N}     one line a file
 *
 * `N` counts the listings that found files, not the batches: `offsets/M` names the last one that its batch takes. A file
 * that was planned only to be rejected is there with one member more, which Spark passes over: `"rejected"`.
 */

import { isJsonObject, type JsonObject, printJson } from '../base/index.ts';
import type { ObjectStore, StorePath } from '../store/index.ts';
import { parseObject } from './checkpoint.ts';
import { CompactLog, LOG_START, type LogPosition } from './compact-log.ts';
import { checkpointBroken, checkpointVersion } from './errors.ts';
import { lastLineOf, linesFromEnd, printBody } from './log-body.ts';
import { toPathUriLike } from './path-uri.ts';
import { RememberedFiles } from './remembered-files.ts';

/** Why no row of a file was taken. */
export interface FileRejection {
  readonly code: string;
  readonly reason: string;
  /** With the entry's timestamp, tells the file from a later one of the same name. */
  readonly sizeBytes: number;
}

export interface FileEntry {
  /** `path-uri.ts` */
  readonly uri: string;
  readonly modifiedMs: number;
  /** The file of the log it came with. */
  readonly logOffset: number;
  readonly rejected: FileRejection | null;
}

/** A file to be remembered. */
export interface NewEntry {
  /** Below the root of the source. */
  readonly path: StorePath;
  readonly modifiedMs: number;
  readonly rejected: FileRejection | null;
}

export class SourceLog {
  readonly #base: string;
  readonly #log: CompactLog;
  #files: RememberedFiles;
  /** What is in `files` begins after it. */
  #since: LogPosition;
  #position: LogPosition;

  private constructor(spec: { base: string; log: CompactLog; since: LogPosition }) {
    this.#base = spec.base;
    this.#log = spec.log;
    this.#since = spec.since;
    this.#position = spec.since;
    this.#files = this.#noFiles();
  }

  /**
   * `store` is rooted at `sources/0`, `base` is the URI of the source's root. What the log holds up to `since` is not
   * read. Errors: `CHECKPOINT_BROKEN` where a file of the log is missing or cannot be read; `CHECKPOINT_VERSION`.
   */
  static async open(spec: {
    readonly store: ObjectStore;
    readonly base: string;
    readonly since: LogPosition;
  }): Promise<SourceLog> {
    const faults = { broken: checkpointBroken, version: checkpointVersion };
    const log = await CompactLog.open(spec.store, faults);
    const opened = new SourceLog({ base: spec.base, log, since: spec.since });
    await opened.#load();
    return opened;
  }

  /** The last file of the log, or -1. */
  get latest(): number {
    return this.#log.latest;
  }

  /** Its end. */
  get position(): LogPosition {
    return this.#position;
  }

  /** Whether all of the log is known, not only what came after a position. */
  get isWhole(): boolean {
    return this.#since.offset === -1;
  }

  /** Whether the file was handed out; of what came up to `since`, nothing is known. */
  has(path: StorePath): boolean {
    return this.#files.has(path);
  }

  /** Whether it was handed out to be rejected. */
  isRejected(path: StorePath): boolean {
    return this.#files.isRejected(path);
  }

  /** The last entry of a file, or null. Errors: `CHECKPOINT_BROKEN`. */
  entry(path: StorePath): FileEntry | null {
    const line = this.#files.line(path);
    return line === null ? null : parseEntry(this.#log.store, line);
  }

  /** The entries after `after` (exclusive) to `through` (inclusive), in the order of the log. */
  async entries(range: { readonly after: number; readonly through: number }): Promise<FileEntry[]> {
    if (range.after < this.#since.offset) await this.loadWhole();
    const found: FileEntry[] = [];
    for (const line of linesFromEnd(this.#files.body)) {
      const entry = parseEntry(this.#log.store, line);
      if (entry.logOffset <= range.after) break;
      if (entry.logOffset <= range.through) found.push(entry);
    }
    return found.reverse();
  }

  /** Reads also what lies before `since`. */
  async loadWhole(): Promise<void> {
    if (this.isWhole) return;
    this.#since = LOG_START;
    this.#position = LOG_START;
    this.#files = this.#noFiles();
    await this.#load();
  }

  /** Adds the next file of the log. Errors: `JOB_CONCURRENT` where another process added a different one. */
  async append(added: readonly NewEntry[]): Promise<void> {
    const offset = this.latest + 1;
    // A log that Spark began in its own spelling of the place goes on in it.
    const { lastLine, bodyBytes } = this.#position;
    const sample = lastLine === '' ? '' : parseEntry(this.#log.store, lastLine).uri;
    const lines = added.map(({ path, modifiedMs, rejected }) =>
      printEntry({
        uri: toPathUriLike(sample, this.#base, path),
        modifiedMs,
        logOffset: offset,
        rejected,
      }),
    );
    const body = printBody(lines);
    await this.#log.append(body, this.isWhole ? this.#files.body : undefined);
    this.#files.add(body);
    this.#position = { offset, bodyBytes: bodyBytes + body.length, lastLine: lastLineOf(body) };
  }

  /** Deletes files of the log that others repeat. */
  async clean(): Promise<void> {
    await this.#log.clean();
  }

  async #load(): Promise<void> {
    const { body, position, isRestarted } = await this.#log.read(this.#since);
    if (isRestarted) this.#since = LOG_START;
    this.#position = position;
    this.#files.add(body);
  }

  #noFiles(): RememberedFiles {
    const { uri } = this.#log.store;
    return new RememberedFiles(this.#base, (reason) =>
      checkpointBroken(uri, `${this.#log.latest}`, reason),
    );
  }
}

function printEntry(entry: FileEntry): string {
  const { uri, modifiedMs, logOffset, rejected } = entry;
  return printJson({
    path: uri,
    timestamp: modifiedMs,
    batchId: logOffset,
    rejected: rejected === null ? undefined : { ...rejected },
  });
}

function parseEntry(store: ObjectStore, line: string): FileEntry {
  const value = parseObject(store, '', line);
  const { path, timestamp, batchId, rejected } = value;
  if (typeof path !== 'string' || typeof timestamp !== 'number' || typeof batchId !== 'number') {
    throw checkpointBroken(store.uri, '', 'an entry lacks its path, timestamp or batch');
  }
  return {
    uri: path,
    modifiedMs: timestamp,
    logOffset: batchId,
    rejected: isJsonObject(rejected) ? parseRejection(rejected) : null,
  };
}

function parseRejection(value: JsonObject): FileRejection {
  const { code, reason, sizeBytes } = value;
  return {
    code: typeof code === 'string' ? code : 'UNKNOWN',
    reason: typeof reason === 'string' ? reason : '',
    sizeBytes: typeof sizeBytes === 'number' ? sizeBytes : -1,
  };
}
