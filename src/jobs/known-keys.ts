/**
 * The keys that have entered a folder of Parquet files: what makes a message with one of them a duplicate. They are read
 * from the folder itself, so that nothing else has to be kept in step with it; memory is bounded whatever it holds.
 */

import type { Clock } from '../base/index.ts';
import { KeySet, readFooter, readKeys, scanKeys, storeSource } from '../parquet/index.ts';
import { readTimestamp } from '../schema/index.ts';
import type { ObjectStore, StorePath } from '../store/index.ts';
import {
  DATE_COLUMN,
  type LoggedFile,
  type LoggedFiles,
  partitionValuesOf,
  SinkLogReader,
} from '../stream/index.ts';
import { keyUnreadable } from './errors.ts';
import type { KnownMessages } from './job-sink.ts';

export interface KnownKeysOptions {
  readonly column: string;
  /** `batch`: what the folder holds does not matter. */
  readonly against: 'table' | 'batch';
  /**
   * Files whose date is further back from the newest one are not looked at; null for all. Dates to come move nothing: one
   * message of a wrong year would let in the duplicates of all others.
   */
  readonly horizonDays: number | null;
  /** Memory for keys that are kept from batch to batch. */
  readonly keptBytesMax: number;
}

const FILES_AT_ONCE = 4;
const MILLIS_PER_DAY = 86_400_000;
const MICROS_PER_DAY = 86_400_000_000n;

export class KnownKeys {
  readonly #store: ObjectStore;
  readonly #clock: Clock;
  readonly #options: KnownKeysOptions;
  /** Null before there is one. */
  #log: SinkLogReader | null = null;
  /** Up to where the log was read; undefined for its beginning. */
  #position: LoggedFiles['position'] | undefined;
  /** The keys of all files that were logged up to there, but for the open ones. */
  #kept = new KeySet();
  #open = new Map<StorePath, LoggedFile>();
  /** Of all files that were logged, but not later than today. */
  #newestDay = -Infinity;
  /** The keys of the batch under way, and of files that are not in the log yet. */
  #seen = new KeySet();
  #entered = new Set<StorePath>();

  /** `store` is rooted at the folder. */
  constructor(store: ObjectStore, clock: Clock, options: KnownKeysOptions) {
    this.#store = store;
    this.#clock = clock;
    this.#options = options;
  }

  /** `readBatch` gives the keys of the batch that is about to be read: it is called where the folder's do not fit into memory. */
  async begin(
    readBatch: (onKey: (key: Uint8Array) => void) => Promise<void>,
  ): Promise<KnownMessages> {
    this.#seen = new KeySet();
    const seen = this.#seen;
    if (this.#options.against === 'batch') return { seen, isKnown: null };
    await this.#advance();
    await this.#keepOpen();
    const kept = this.#kept;
    const open = [...this.#open.values()];
    if (open.length === 0)
      return { seen, isKnown: (bytes, start, end) => kept.find(bytes, start, end) >= 0 };
    const batch = new KeySet();
    await readBatch((key) => batch.add(key, 0, key.length));
    const hits = await this.#scan(open, batch);
    return {
      seen,
      isKnown: (bytes, start, end) =>
        kept.find(bytes, start, end) >= 0 || hits.find(bytes, start, end) >= 0,
    };
  }

  /** The batch is in: its keys are in `paths`, and nowhere else. */
  entered(paths: readonly StorePath[]): void {
    if (this.#options.against === 'batch') return;
    const kept = this.#kept;
    const seen = this.#seen;
    if (kept.byteLength + seen.byteLength > this.#options.keptBytesMax) {
      // What does not fit is looked for in the files, all of them, from now on.
      this.#kept = new KeySet();
      this.#open.clear();
      this.#entered.clear();
      this.#position = undefined;
      return;
    }
    // The larger set takes in the other: where the folder was empty, nothing is copied.
    const [larger, smaller] = kept.size < seen.size ? [seen, kept] : [kept, seen];
    larger.addAll(smaller);
    this.#kept = larger;
    this.#seen = new KeySet();
    for (const path of paths) this.#entered.add(path);
  }

  /** Files that were logged since, and are not of this process, are open. */
  async #advance(): Promise<void> {
    this.#log ??= await SinkLogReader.open(this.#store);
    const news = await this.#log?.read(this.#position);
    if (news === undefined) return;
    this.#position = news.position;
    if (news.isRestarted) this.#open.clear();
    for (const file of news.files) {
      if (!this.#entered.delete(file.path)) this.#open.set(file.path, file);
    }
    this.#passHorizon(news.files);
  }

  /** Forgets the open files that are too old by now. */
  #passHorizon(news: readonly LoggedFile[]): void {
    const { horizonDays } = this.#options;
    if (horizonDays === null) return;
    const today = Math.floor(this.#clock.now() / MILLIS_PER_DAY);
    for (const { path } of news) {
      this.#newestDay = Math.max(this.#newestDay, Math.min(dayOf(path) ?? -Infinity, today));
    }
    for (const path of this.#open.keys()) {
      if ((dayOf(path) ?? Infinity) < this.#newestDay - horizonDays) this.#open.delete(path);
    }
  }

  /** Keeps the keys of the open files, where there is memory for all of them. */
  async #keepOpen(): Promise<void> {
    const files = [...this.#open.values()];
    const bytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    // A file is seldom smaller than its keys in memory.
    if (this.#kept.byteLength + bytes > this.#options.keptBytesMax) return;
    for (const file of files) {
      await this.#visit(file, (source, footer, column) =>
        readKeys(source, footer, column, (_row, key, start, end) => {
          this.#kept.add(key, start, end);
        }),
      );
      this.#open.delete(file.path);
    }
  }

  /** Which keys of `batch` are in the files. */
  async #scan(files: readonly LoggedFile[], batch: KeySet): Promise<KeySet> {
    const hits = new KeySet();
    const rest = [...files];
    const work = async (): Promise<void> => {
      for (let file = rest.pop(); file !== undefined; file = rest.pop()) {
        await this.#visit(file, (source, footer, column) =>
          scanKeys(source, footer, column, {
            set: batch,
            onHit: (number) => {
              const key = batch.key(number);
              hits.add(key, 0, key.length);
            },
          }),
        );
      }
    };
    await Promise.all(Array.from({ length: FILES_AT_ONCE }, work));
    return hits;
  }

  async #visit(
    { path, sizeBytes }: LoggedFile,
    read: (
      source: ReturnType<typeof storeSource>,
      footer: Awaited<ReturnType<typeof readFooter>>,
      column: string,
    ) => ReturnType<typeof readKeys>,
  ): Promise<void> {
    const source = storeSource(this.#store, path, { sizeBytes });
    const footer = await readFooter(source);
    const { column } = this.#options;
    const result = await read(source, footer, column);
    if (result.kind === 'unsupported') throw keyUnreadable(this.#store.uri, path, result.reason);
  }
}

/** Days since the epoch of the folder that the file is in, or null. */
function dayOf(path: StorePath): number | null {
  const text = partitionValuesOf(path).get(DATE_COLUMN) ?? null;
  const time = text === null ? null : readTimestamp(text);
  return time === null ? null : Number(time.micros / MICROS_PER_DAY);
}
