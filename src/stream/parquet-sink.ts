/**
 * A folder of Parquet files as a sink: a file for each topic partition and set of partition values of a batch, and Spark's
 * log of what is there (`sink-log.ts`), whose entry is the commit. Readers that honour the log never see half a batch.
 *
 *     date=2026-11-22/part-00003-<uuid>-c000.snappy.parquet
 *     _spark_metadata/N               batch N is applied
 *     _spark_metadata/.checkpoint     whose batches these are; Spark passes it over
 *
 * The name of a file is a function of what it holds the rows of, so that a batch that is run again leaves the same files.
 */

import pLimit from 'p-limit';

import {
  assert,
  type Clock,
  isJsonObject,
  type JsonValue,
  nameUuid,
  parseJson,
  present,
  printJson,
} from '../base/index.ts';
import type { Codec } from '../parquet/index.ts';
import { partitionPath } from '../schema/index.ts';
import type { ObjectStore, StorePath } from '../store/index.ts';
import type { Checkpoint } from './checkpoint.ts';
import { sinkMismatch, sinkTaken } from './errors.ts';
import { type LoggedFile, SINK_LOG_FOLDER, SinkLogWriter } from './sink-log.ts';
import { putIfAbsent, readText } from './write-once.ts';

const OWNER_FILE = `${SINK_LOG_FOLDER}/.checkpoint`;
const PUTS_AT_ONCE = 4;

const SUFFIX: Readonly<Record<Codec, string>> = {
  snappy: '.snappy.parquet',
  zstd: '.zstd.parquet',
  gzip: '.gz.parquet',
  uncompressed: '.parquet',
};

export interface ParquetSinkOptions {
  /** Stamps the files in the log. */
  readonly clock: Clock;
  readonly checkpoint: Pick<Checkpoint, 'id' | 'planned' | 'committed'>;
  /** Of the files, which their names say. Default `snappy`. */
  readonly codec?: Codec;
}

/** One file. */
export interface SinkFile {
  readonly topic: string;
  readonly partition: number;
  /** By column, in the order of the folders; the file does not hold these columns. */
  readonly partitionValues: ReadonlyMap<string, string | null>;
  readonly bytes: Uint8Array;
}

export class ParquetSink {
  readonly #store: ObjectStore;
  readonly #clock: Clock;
  readonly #checkpointId: string;
  readonly #codec: Codec;
  readonly #log: SinkLogWriter;
  /** The files of the batch that is not committed yet. */
  #written: { readonly batch: number; readonly files: readonly LoggedFile[] } | null = null;

  private constructor(store: ObjectStore, options: ParquetSinkOptions, log: SinkLogWriter) {
    this.#store = store;
    this.#clock = options.clock;
    this.#checkpointId = options.checkpoint.id;
    this.#codec = options.codec ?? 'snappy';
    this.#log = log;
  }

  /**
   * `store` is rooted at the folder, which from then on belongs to the checkpoint. One that Spark wrote with this
   * checkpoint is continued. Errors: `SINK_TAKEN` where it belongs to another, or holds files without a log;
   * `SINK_MISMATCH` where its log ends at another batch than the checkpoint; `SINK_LOG_BROKEN`, `SINK_LOG_VERSION`,
   * `SINK_LOG_MOVED`.
   */
  static async open(store: ObjectStore, options: ParquetSinkOptions): Promise<ParquetSink> {
    const log = await SinkLogWriter.open(store);
    await checkOwner(store, options.checkpoint.id, log.latest);
    const { planned, committed } = options.checkpoint;
    const batches = { logged: log.latest, planned: planned ?? -1, committed: committed ?? -1 };
    if (batches.logged !== batches.planned && batches.logged !== batches.committed) {
      throw sinkMismatch(store.uri, batches);
    }
    await claim(store, options.checkpoint.id);
    return new ParquetSink(store, options, log);
  }

  /** The last batch that is applied, or -1. */
  get latest(): number {
    return this.#log.latest;
  }

  /** Whether the rows of the batch are there. */
  isApplied(batch: number): boolean {
    return batch <= this.#log.latest;
  }

  /**
   * Writes the files of a batch, which nobody sees before `commit`: at most one for each topic partition and set of
   * partition values. Done again, it leaves the same files.
   */
  async write(batch: number, files: readonly SinkFile[]): Promise<readonly LoggedFile[]> {
    this.#written = null;
    const paths = files.map((file) => this.#pathOf(batch, file));
    assert(
      new Set(paths).size === paths.length,
      'a batch has one file for each topic partition and values',
    );
    const limit = pLimit(PUTS_AT_ONCE);
    const written = await Promise.all(
      files.map(({ bytes }, index) => {
        const path = present(paths[index], 'the path of a file');
        return limit(() => this.#put(path, bytes));
      }),
    );
    this.#written = { batch, files: written };
    return written;
  }

  /**
   * Names the batch's files in the log: from then on they are seen, all of them. A batch that wrote none is named too.
   * Errors: `JOB_CONCURRENT` where another process committed the batch otherwise.
   */
  async commit(batch: number): Promise<void> {
    assert(batch === this.#log.latest + 1, 'batches are committed one after the other');
    const files = this.#written?.batch === batch ? this.#written.files : [];
    await this.#log.append(files);
    this.#written = null;
  }

  /** Deletes what the log holds twice; once in several batches is enough. */
  async clean(): Promise<void> {
    await this.#log.clean();
  }

  async #put(path: StorePath, bytes: Uint8Array): Promise<LoggedFile> {
    await this.#store.put(path, bytes, { kind: 'overwrite' });
    return { path, sizeBytes: bytes.length, modifiedMs: this.#clock.now() };
  }

  #pathOf(batch: number, { topic, partition, partitionValues }: SinkFile): StorePath {
    const values = [...partitionValues];
    const folder = partitionPath(
      values.map(([column]) => column),
      values.map(([, value]) => value),
    );
    const uuid = nameUuid([this.#checkpointId, batch, topic, partition, values]);
    const number = String(partition).padStart(5, '0');
    const name = `part-${number}-${uuid}-c000${SUFFIX[this.#codec]}`;
    return folder === '' ? name : `${folder}/${name}`;
  }
}

async function checkOwner(store: ObjectStore, id: string, latest: number): Promise<void> {
  const text = await readText(store, OWNER_FILE);
  if (text !== null) {
    if (parseOwner(text) !== id) throw sinkTaken(store.uri, 'another checkpoint writes to it');
    return;
  }
  if (latest >= 0) return;
  for await (const { path } of store.list('', { recursive: true })) {
    if (!/(?:^|\/)[_.]/.test(path)) {
      throw sinkTaken(
        store.uri,
        'it holds files that no log names, and readers would not see them',
      );
    }
  }
}

async function claim(store: ObjectStore, id: string): Promise<void> {
  if (await putIfAbsent(store, OWNER_FILE, printJson({ id }))) return;
  if (parseOwner((await readText(store, OWNER_FILE)) ?? '') !== id) {
    throw sinkTaken(store.uri, 'another checkpoint writes to it');
  }
}

function parseOwner(text: string): JsonValue | undefined {
  try {
    const value = parseJson(text);
    return isJsonObject(value) ? value['id'] : undefined;
  } catch (error) {
    // A torn file names nobody: the folder is not ours.
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
