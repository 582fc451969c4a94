/**
 * Messages that make no row, kept whole and with the reason: Parquet files below the rejected place, for each batch and
 * partition. They are written before the batch is committed, and the same where it runs again.
 *
 *     batch-12/transmissao-efetuada-3.parquet
 */

import { present } from '../base/index.ts';
import { rowsToArrow, writeParquet } from '../parquet/index.ts';
import { parseDdl, type Row } from '../schema/index.ts';
import type { ObjectStore } from '../store/index.ts';
import type { DeadLetter } from '../stream/index.ts';

/** What a file of dead letters holds. */
const SCHEMA = parseDdl(
  'topic STRING, partition INT, offset LONG, timestamp TIMESTAMP, code STRING, reason STRING, key BINARY, ' +
    'value BINARY, headers ARRAY<STRUCT<key: STRING, value: BINARY>>',
);

/** Bytes of messages that wait in memory. */
const WAITING_BYTES_MAX = 64 * 1024 * 1024;

export class DeadLetters {
  readonly #store: ObjectStore;
  readonly #folder: string;
  readonly #written = new Set<string>();
  readonly #counts = new Map<string, number>();
  #waiting: DeadLetter[] = [];
  #waitingBytes = 0;
  #first: DeadLetter | null = null;

  private constructor(store: ObjectStore, folder: string) {
    this.#store = store;
    this.#folder = folder;
  }

  /** `store` is rooted at the job's rejected place. */
  static open(store: ObjectStore, batch: number): Promise<DeadLetters> {
    return Promise.resolve(new DeadLetters(store, `batch-${batch}`));
  }

  /** Takes a message; the promise is there where it has to be waited for. */
  add(letter: DeadLetter): Promise<void> | void {
    this.#first ??= letter;
    this.#waiting.push(letter);
    this.#waitingBytes += (letter.record.key?.length ?? 0) + (letter.record.value?.length ?? 0);
    if (this.#waitingBytes > WAITING_BYTES_MAX) return this.#flush();
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
    const stale: string[] = [];
    for await (const { path } of this.#store.list(this.#folder)) {
      if (!this.#written.has(path)) stale.push(path);
    }
    await this.#store.delete(stale);
  }

  async #flush(): Promise<void> {
    const byPartition = Map.groupBy(
      this.#waiting,
      ({ topic, partition }) => `${topic}-${partition}`,
    );
    this.#waiting = [];
    this.#waitingBytes = 0;
    for (const [name, letters] of byPartition) {
      const count = this.#counts.get(name) ?? 0;
      this.#counts.set(name, count + 1);
      const path = `${this.#folder}/${name}${count === 0 ? '' : `.${count}`}.parquet`;
      const table = await rowsToArrow(SCHEMA, letters.map(rowOf));
      await this.#store.put(path, await writeParquet(table), { kind: 'overwrite' });
      this.#written.add(path);
    }
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
