/**
 * What a Parquet folder holds, in the format of Spark's file sink (`compact-log.ts`): `_spark_metadata/N` names the files
 * that batch N added, and readers see no others.
 *
 *     v1↵{"path":"file:///…/a.parquet","size":447,"isDir":false,"modificationTime":1795384131087,
 *         "blockReplication":1,"blockSize":33554432,"action":"add"}
 */

import { isJsonObject, type JsonValue, parseJson, printJson } from '../base/index.ts';
import type { ObjectStore, StorePath } from '../store/index.ts';
import { CompactLog, LOG_START, type LogPosition } from './compact-log.ts';
import { sinkLogBroken, sinkLogMoved, sinkLogVersion } from './errors.ts';
import { linesOf, printBody } from './log-body.ts';
import { fromPathUri, toPathUriLike } from './path-uri.ts';

/** The folder of the log, below that of the files. */
export const SINK_LOG_FOLDER = '_spark_metadata';
// What Hadoop says of a local file. Nobody reads it.
const BLOCK = { blockReplication: 1, blockSize: 33_554_432 };
/** Looks by name between two listings: only a listing sees that old files were deleted. */
const LISTED_EVERY = 30;

/** A file that the log names. */
export interface LoggedFile {
  /** Below the root of the folder. */
  readonly path: StorePath;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
}

export interface LoggedFiles {
  /** Added and not deleted, in the order of the log. */
  readonly files: readonly LoggedFile[];
  readonly position: LogPosition;
  /** These are all files: the log does not go on from where the reader stood. */
  readonly isRestarted: boolean;
}

/** Reads the log of a folder, and only what is new each time. */
export class SinkLogReader {
  readonly #store: ObjectStore;
  readonly #log: CompactLog;
  #looks = 0;

  private constructor(store: ObjectStore, log: CompactLog) {
    this.#store = store;
    this.#log = log;
  }

  /** `store` is rooted at the folder. Null where no log is there, nor was begun. */
  static async open(store: ObjectStore): Promise<SinkLogReader | null> {
    for await (const _ of store.list(SINK_LOG_FOLDER)) {
      return new SinkLogReader(store, await openSinkLog(store));
    }
    return null;
  }

  /**
   * The files that were logged after `since`; nothing else is read. Errors: `SINK_LOG_BROKEN`, `SINK_LOG_VERSION`,
   * `SINK_LOG_MOVED`.
   */
  async read(since: LogPosition = LOG_START): Promise<LoggedFiles> {
    this.#looks += 1;
    await (this.#looks % LISTED_EVERY === 0 ? this.#log.refresh() : this.#log.advance());
    const { body, position, isRestarted } = await this.#log.read(since);
    const files = new Map<StorePath, LoggedFile>();
    for (const line of linesOf(body)) {
      const { path, sizeBytes, modifiedMs, action } = parseLine(this.#store, line);
      if (action === 'delete') files.delete(path);
      else files.set(path, { path, sizeBytes, modifiedMs });
    }
    return { files: [...files.values()], position, isRestarted };
  }
}

/** Writes the log of a folder: one process at a time. */
export class SinkLogWriter {
  readonly #store: ObjectStore;
  readonly #log: CompactLog;
  /** A file's URI, for its spelling: one that Spark wrote, or `''`. */
  #sample: string;

  private constructor(store: ObjectStore, log: CompactLog, sample: string) {
    this.#store = store;
    this.#log = log;
    this.#sample = sample;
  }

  /** `store` is rooted at the folder. Errors: those of reading it. */
  static async open(store: ObjectStore): Promise<SinkLogWriter> {
    const log = await openSinkLog(store);
    const line = await log.lastLine();
    return new SinkLogWriter(store, log, line === '' ? '' : parseLine(store, line).uri);
  }

  /** The last batch, or -1. */
  get latest(): number {
    return this.#log.latest;
  }

  /** Names the files of the next batch, `latest + 1`. Errors: `JOB_CONCURRENT`. */
  async append(files: readonly LoggedFile[]): Promise<void> {
    const lines = files.map(({ path, sizeBytes, modifiedMs }) =>
      printJson({
        path: toPathUriLike(this.#sample, this.#store.uri, path),
        size: sizeBytes,
        isDir: false,
        modificationTime: modifiedMs,
        ...BLOCK,
        action: 'add',
      }),
    );
    await this.#log.append(printBody(lines));
  }

  /** Deletes files of the log that others repeat. */
  async clean(): Promise<void> {
    await this.#log.clean();
  }
}

function openSinkLog(store: ObjectStore): Promise<CompactLog> {
  const faults = { broken: sinkLogBroken, version: sinkLogVersion };
  return CompactLog.open(store.at(SINK_LOG_FOLDER), faults);
}

interface SinkLine extends LoggedFile {
  readonly uri: string;
  readonly action: string;
}

function parseLine(store: ObjectStore, line: string): SinkLine {
  const broken = (reason: string): Error => sinkLogBroken(store.uri, SINK_LOG_FOLDER, reason);
  let value: JsonValue;
  try {
    value = parseJson(line);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw broken(`a line is not JSON (${error.message})`);
  }
  const { path, size, modificationTime, action } = isJsonObject(value) ? value : {};
  const isLine =
    typeof path === 'string' &&
    typeof size === 'number' &&
    typeof modificationTime === 'number' &&
    (action === 'add' || action === 'delete');
  if (!isLine) throw broken('a line lacks its path, size, time or action');
  const below = fromPathUri(store.uri, path);
  if (below === null) throw sinkLogMoved(store.uri, path);
  return { uri: path, path: below, sizeBytes: size, modifiedMs: modificationTime, action };
}
