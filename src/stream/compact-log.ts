/**
 * A log of Spark's that compacts itself: what a file source has handed out (`sources/0`), and what a file sink holds
 * (`_spark_metadata`).
 *
 *     N           v1↵{…}↵{…}     the lines that batch N adds; `v1` alone where it adds none
 *     N.compact   v1↵{…}…        instead of it every `interval` batches: the lines of all before it, then its own
 *
 * Everything after `v1` is called the body: each line with a line feed before it. So a compact file is the bodies of all
 * batches one after the other, nothing of it need be parsed to write the next, and who knows how far it came reads its tail
 * alone. Files are put if absent; other names (`.N.crc`) are passed over.
 *
 * Spark takes the interval from the distance of the last two compact files. A compact file repeats everything, so that a
 * log with a million lines must not have one every ten batches: once it is long, the interval doubles, by the deletion of
 * the compact file between two others. The log is whole before and after it, for Spark too.
 */

import pLimit from 'p-limit';

import { type DeltaError, isDeltaError } from '../base/index.ts';
import type { ObjectStore } from '../store/index.ts';
import { jobConcurrent } from './errors.ts';
import { bodyOf, EMPTY, lastLineOf, VERSION_BYTES } from './log-body.ts';
import { writeOnce } from './write-once.ts';

/** Spark's default: what the interval starts with. */
const COMPACT_EVERY = 10;
/** So that opening a log takes a bounded number of reads beside the compact file. */
const COMPACT_EVERY_MAX = 1280;
/** The interval doubles where compaction writes more than this again for each batch. */
const REWRITTEN_BYTES_PER_BATCH_MAX = 64 * 1024;
/** Batches whose files stay although a compact file holds them, as Spark's `spark.sql.streaming.minBatchesToRetain`. */
const BATCHES_KEPT = 100;
/** Compact files that stay: two say the interval, and with three it can double. */
const COMPACTS_KEPT = 3;
const READS_AT_ONCE = 16;
const LINE_BYTES_MAX = 64 * 1024;
/** A reader that is overtaken by the deletion of old files looks again. */
const ATTEMPTS_MAX = 4;

/** How far a reader came. */
export interface LogPosition {
  /** The last batch read, or -1. */
  readonly offset: number;
  /** Length of the body up to its end. */
  readonly bodyBytes: number;
  /** The last line up to there; `''` without any. Tells this log from another one in its place. */
  readonly lastLine: string;
}

export const LOG_START: LogPosition = { offset: -1, bodyBytes: 0, lastLine: '' };

/** What comes after a position. */
export interface LogPortion {
  readonly body: Uint8Array;
  /** Its end. */
  readonly position: LogPosition;
  /** The log does not go on from the position: the body is all of it. */
  readonly isRestarted: boolean;
}

/** What is said of a log that cannot be read. */
export interface LogFaults {
  readonly broken: (location: string, file: string, reason: string) => DeltaError;
  readonly version: (location: string, file: string, version: string) => DeltaError;
}

export class CompactLog {
  /** Rooted at the folder of the log. */
  readonly store: ObjectStore;
  readonly #faults: LogFaults;
  #latest = -1;
  #compacts: readonly number[] = [];

  private constructor(store: ObjectStore, faults: LogFaults) {
    this.store = store;
    this.#faults = faults;
  }

  static async open(store: ObjectStore, faults: LogFaults): Promise<CompactLog> {
    const log = new CompactLog(store, faults);
    await log.refresh();
    return log;
  }

  /** The last batch, or -1. */
  get latest(): number {
    return this.#latest;
  }

  /** Looks what is there, by listing. */
  async refresh(): Promise<void> {
    const { plain, compacts } = await listLog(this.store);
    this.#compacts = compacts;
    this.#latest = Math.max(compacts.at(-1) ?? -1, plain.at(-1) ?? -1);
  }

  /** Looks for batches after the last one known by their names: cheap, but blind where old files are deleted meanwhile. */
  async advance(): Promise<void> {
    for (;;) {
      const next = this.#latest + 1;
      if ((await this.store.head(`${next}`)) === null) {
        if ((await this.store.head(`${next}.compact`)) === null) return;
        this.#compacts = [...this.#compacts, next];
      }
      this.#latest = next;
    }
  }

  /** The bodies of all batches after `since`, up to the last one known. Errors: those of the log's faults. */
  async read(since: LogPosition): Promise<LogPortion> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        const { parts, isRestarted } = await this.#readParts(since);
        const body = parts.length === 1 ? (parts[0] ?? EMPTY) : Buffer.concat(parts);
        const before = isRestarted ? LOG_START : since;
        const position = {
          offset: this.#latest,
          bodyBytes: before.bodyBytes + body.length,
          lastLine: body.length === 0 ? before.lastLine : lastLineOf(body),
        };
        return { body, position, isRestarted };
      } catch (error) {
        if (!isDeltaError(error, 'STORE_NOT_FOUND')) throw error;
        if (attempt === ATTEMPTS_MAX) throw this.#missing(error);
        await this.refresh();
      }
    }
  }

  /** The last line, or `''`; a compact file is not read for it as a whole. */
  async lastLine(): Promise<string> {
    const compact = this.#compacts.at(-1) ?? -1;
    for (let offset = this.#latest; offset > compact; offset -= 1) {
      const line = lastLineOf(await this.#readBody(`${offset}`));
      if (line !== '') return line;
    }
    const file = `${compact}.compact`;
    const sizeBytes = compact === -1 ? 0 : ((await this.store.head(file))?.sizeBytes ?? 0);
    const range = { start: Math.max(0, sizeBytes - LINE_BYTES_MAX), end: sizeBytes };
    const line = sizeBytes === 0 ? '' : lastLineOf(await this.store.getRange(file, range));
    return line === 'v1' ? '' : line;
  }

  /**
   * Adds the next batch: `body` holds its lines, `known` those of all batches before it, where the caller has them. Errors:
   * `JOB_CONCURRENT` where another process added a different one.
   */
  async append(body: Uint8Array, known?: Uint8Array): Promise<void> {
    const offset = this.#latest + 1;
    const interval = intervalOf(this.#compacts);
    const isCompact = (offset + 1) % interval === 0;
    const before = isCompact ? (known ?? (await this.read(LOG_START)).body) : EMPTY;
    const [name, other] = isCompact
      ? [`${offset}.compact`, `${offset}`]
      : [`${offset}`, `${offset}.compact`];
    await this.#dropChecksum(name);
    await writeOnce(this.store, name, Buffer.concat([VERSION_BYTES, before, body]));
    // A process that saw another interval takes the other name.
    if ((offset + 1) % COMPACT_EVERY === 0 && (await this.store.head(other)) !== null) {
      throw jobConcurrent(this.store.uri, other);
    }
    this.#latest = offset;
    if (!isCompact) return;
    this.#compacts = [...this.#compacts, offset];
    await this.#widen(interval, before.length + body.length);
  }

  /** Deletes files of batches that a compact file holds too and that are more than a hundred behind. */
  async clean(): Promise<void> {
    const { plain, compacts } = await listLog(this.store);
    const old = compacts.findLast((offset) => offset <= this.#latest - BATCHES_KEPT);
    const keep = Math.min(old ?? -1, compacts.at(-COMPACTS_KEPT) ?? -1);
    await this.#delete([
      ...plain.filter((offset) => offset < keep).map(String),
      ...compacts.filter((offset) => offset < keep).map((offset) => `${offset}.compact`),
    ]);
  }

  async #readParts(
    since: LogPosition,
  ): Promise<{ readonly parts: Uint8Array[]; readonly isRestarted: boolean }> {
    const isBehind = this.#latest < since.offset;
    const from = isBehind ? LOG_START : since;
    const compact = this.#compacts.findLast((offset) => offset > from.offset);
    const tail = compact === undefined ? null : await this.#readTail(`${compact}.compact`, from);
    const isRestarted = isBehind || (compact !== undefined && tail === null);
    const parts: Promise<Uint8Array>[] = [];
    if (tail !== null) parts.push(Promise.resolve(tail));
    else if (compact !== undefined) parts.push(this.#readBody(`${compact}.compact`));
    const limit = pLimit(READS_AT_ONCE);
    for (let offset = (compact ?? from.offset) + 1; offset <= this.#latest; offset += 1) {
      parts.push(limit(() => this.#readBody(`${offset}`)));
    }
    return { parts: await Promise.all(parts), isRestarted };
  }

  async #readBody(file: string): Promise<Uint8Array> {
    return bodyOf((await this.store.get(file)).bytes, {
      broken: (reason) => this.#faults.broken(this.store.uri, file, reason),
      version: (version) => this.#faults.version(this.store.uri, file, version),
    });
  }

  /** What a compact file holds after `since`, or null where it does not go on from there. */
  async #readTail(file: string, since: LogPosition): Promise<Uint8Array | null> {
    if (since.bodyBytes === 0) return this.#readBody(file);
    const known = Buffer.from(`\n${since.lastLine}`, 'utf8');
    const start = VERSION_BYTES.length + since.bodyBytes - known.length;
    if (start < VERSION_BYTES.length) return null;
    const bytes = await this.store.getRange(file, { start, end: Number.MAX_SAFE_INTEGER });
    if (Buffer.compare(bytes.subarray(0, known.length), known) !== 0) return null;
    const tail = bytes.subarray(known.length);
    return tail.length === 0 || tail[0] === 0x0a ? tail : null;
  }

  async #widen(interval: number, bodyBytes: number): Promise<void> {
    const wider = 2 * interval;
    const [older, middle] = this.#compacts.slice(-COMPACTS_KEPT);
    const isDue =
      bodyBytes > REWRITTEN_BYTES_PER_BATCH_MAX * interval &&
      wider <= COMPACT_EVERY_MAX &&
      (this.#latest + 1) % wider === 0 &&
      middle === this.#latest - interval &&
      older === this.#latest - wider;
    if (!isDue) return;
    await this.#delete([`${middle}.compact`]);
    this.#compacts = this.#compacts.filter((offset) => offset !== middle);
  }

  async #delete(names: readonly string[]): Promise<void> {
    if (names.length > 0) await this.store.delete(names.flatMap((name) => [name, `.${name}.crc`]));
  }

  // Hadoop refuses a local file whose checksum is that of an earlier one of its name.
  async #dropChecksum(name: string): Promise<void> {
    if (this.store.localFile(name) !== null) await this.store.delete([`.${name}.crc`]);
  }

  #missing(cause: DeltaError): DeltaError {
    const file = String(cause.details['path'] ?? '');
    return this.#faults.broken(this.store.uri, file, 'a file of the log is missing');
  }
}

interface LogListing {
  readonly plain: number[];
  readonly compacts: number[];
}

async function listLog(store: ObjectStore): Promise<LogListing> {
  const plain: number[] = [];
  const compacts: number[] = [];
  for await (const { path } of store.list('')) {
    const match = /^(\d{1,15})(\.compact)?$/.exec(path);
    if (match !== null) (match[2] === undefined ? plain : compacts).push(Number(match[1]));
  }
  const rising = (a: number, b: number): number => a - b;
  return { plain: plain.sort(rising), compacts: compacts.sort(rising) };
}

// Spark takes the distance of the last two compact files for the interval, whatever its configuration says now.
function intervalOf(compacts: readonly number[]): number {
  const last = compacts.at(-1);
  const before = compacts.at(-2);
  if (last === undefined) return COMPACT_EVERY;
  if (before !== undefined) return last - before;
  if (last + 1 <= COMPACT_EVERY) return last + 1;
  let interval = COMPACT_EVERY;
  while ((last + 1) % interval !== 0) interval += 1;
  return interval;
}
