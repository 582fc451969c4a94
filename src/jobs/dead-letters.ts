/**
 * Messages that make no row, kept whole and with the reason: Parquet files below the rejected place, for each batch and
 * partition. They are written before the batch is committed, and the same where it runs again.
 *
 *     batch-12/transmissao-efetuada-3.parquet
 */

import { present } from '../base/index.ts';
import { rowsToArrow, writeParquet } from '../parquet/index.ts';
import { parseDdl, type Row } from '../schema/index.ts';
import type { ObjectStore, StorePath } from '../store/index.ts';
import type { DeadLetter } from '../stream/index.ts';

/** What a file of dead letters holds. */
const SCHEMA = parseDdl(
  'topic STRING, partition INT, offset LONG, timestamp TIMESTAMP, code STRING, reason STRING, key BINARY, ' +
    'value BINARY, headers ARRAY<STRUCT<key: STRING, value: BINARY>>',
);

/** Bytes of messages that wait in memory. */
const WAITING_BYTES_MAX = 64 * 1024 * 1024;

/** Where the messages of a partition go, without the file's ending. */
type PlaceOf = (topic: string, partition: number) => StorePath;

export class DeadLetters {
  readonly #store: ObjectStore;
  readonly #placeOf: PlaceOf;
  /** Whose other files are an earlier try's; null where there are none to delete. */
  readonly #folder: StorePath | null;
  readonly #written = new Set<StorePath>();
  /** Of one partition: they come one partition after the other. */
  #waiting: DeadLetter[] = [];
  #waitingBytes = 0;
  #place: StorePath = '';
  #fileCount = 0;
  #first: DeadLetter | null = null;

  constructor(store: ObjectStore, placeOf: PlaceOf, folder: StorePath | null) {
    this.#store = store;
    this.#placeOf = placeOf;
    this.#folder = folder;
  }

  /** Those of a planned batch. `store` is rooted at the job's rejected place. */
  static ofBatch(store: ObjectStore, batch: number): DeadLetters {
    const folder = `batch-${batch}`;
    return new DeadLetters(store, (topic, partition) => `${folder}/${topic}-${partition}`, folder);
  }

  /** The files that are there. */
  get written(): ReadonlySet<StorePath> {
    return this.#written;
  }

  /** Takes a message; where the promise is there, it must be waited for. Partitions come one after the other. */
  add(letter: DeadLetter): Promise<void> | void {
    this.#first ??= letter;
    const place = this.#placeOf(letter.topic, letter.partition);
    const before = place === this.#place ? undefined : this.#moveTo(place);
    this.#waiting.push(letter);
    this.#waitingBytes += (letter.record.key?.length ?? 0) + (letter.record.value?.length ?? 0);
    return this.#waitingBytes > WAITING_BYTES_MAX ? this.#flush() : before;
  }

  /** The first one, for people. */
  first(): string {
    const { topic, partition, record, reason } = present(
      this.#first,
      'a message that was rejected',
    );
    return `${topic}, partition ${partition}, offset ${record.offset}: ${reason}`;
  }

  /** Writes what waits, and deletes what an earlier try at the batch left that this one did not. */
  async finish(): Promise<void> {
    await this.#flush();
    if (this.#folder === null) return;
    const stale: StorePath[] = [];
    for await (const { path } of this.#store.list(this.#folder)) {
      if (!this.#written.has(path)) stale.push(path);
    }
    await this.#store.delete(stale);
  }

  #moveTo(place: StorePath): Promise<void> | undefined {
    const before = this.#waiting.length === 0 ? undefined : this.#flush();
    this.#place = place;
    this.#fileCount = 0;
    return before;
  }

  async #flush(): Promise<void> {
    if (this.#waiting.length === 0) return;
    const rows = this.#waiting.map(rowOf);
    const path = `${this.#place}${this.#fileCount === 0 ? '' : `.${this.#fileCount}`}.parquet`;
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#fileCount += 1;
    await this.#store.put(path, await writeParquet(await rowsToArrow(SCHEMA, rows)), {
      kind: 'overwrite',
    });
    this.#written.add(path);
  }
}

function rowOf({ topic, partition, code, reason, record }: DeadLetter): Row {
  return {
    topic,
    partition,
    offset: record.offset,
    timestamp: BigInt(record.timestampMs) * 1000n,
    code,
    reason,
    key: record.key,
    value: record.value,
    headers: record.headers.map(([key, value]) => ({
      key: Buffer.from(key).toString('utf8'),
      value,
    })),
  };
}
