/** A Delta table as the sink of a job: a batch's rows appended or merged, as one commit that the table takes once. */

import {
  backoffMs,
  isDeltaError,
  isJsonObject,
  type JsonObject,
  type JsonValue,
} from '../base/index.ts';
import { findField, type Row, type StructType } from '../schema/index.ts';
import type { TopicPartition } from '../stream/index.ts';
import {
  ingest,
  type IngestOptions,
  merge,
  openInputRows,
  openSnapshot,
  prepareMergeSource,
  readHistory,
  scanRows,
  type Snapshot,
  strangerOf,
  type TableContext,
} from '../table/index.ts';
import type { DeltaSink, MergeSink } from './job.ts';
import { batchMismatch, keyNotInSink, rangeStale, tableMismatch } from './errors.ts';
import { type Run, tableAt } from './job-context.ts';
import {
  type JobBatch,
  type JobSink,
  NO_ROWS,
  type Published,
  type SinkRows,
  type Written,
} from './job-sink.ts';
import type { KafkaPost } from './kafka-post.ts';
import { Packer } from './packer.ts';
import { partitionName, progressId, rangesJson, stepsOf } from './partition-progress.ts';
import { Publisher } from './publish.ts';
import { BATCH_MEMBER, checkRefill } from './refill.ts';
import { prepareTable } from './sink-table.ts';

/** Commits that are looked through for the one of a batch that is applied already. */
const HISTORY_MAX = 100;

/** Commits that others make in between, so that the work must be computed again, before giving up. */
const ATTEMPTS_MAX = 100;
/** The property by which a table forgets progress after a while. */
const TXN_RETENTION = 'delta.setTransactionRetentionDuration';
const BACKOFF = { delayMsMin: 5, delayMsMax: 1_000 } as const;

export class DeltaJobSink implements JobSink {
  readonly label: string;
  readonly needsRowsAgain: boolean;
  readonly #run: Run;
  readonly #sink: DeltaSink;
  readonly #table: TableContext;
  readonly #publisher: Publisher;
  readonly #post: KafkaPost | null;
  readonly #packer: Packer | null;
  #isThere = false;
  readonly #warnings = new Set<string>();
  /** Of the last batch, where rows are posted: the keys of the rows that it changed. */
  #changed: ReadonlySet<string> = new Set();

  private constructor(run: Run, sink: DeltaSink, post: KafkaPost | null) {
    this.#run = run;
    this.#sink = sink;
    this.#table = tableAt(run.context, sink.location);
    this.#publisher = new Publisher(run.context, this.#table, sink);
    this.#post = post;
    this.#packer = sink.optimize === null ? null : new Packer(run, this.#table, sink);
    this.label = `${sink.database}.${sink.table}`;
    this.needsRowsAgain = post !== null;
  }

  static async open(run: Run, sink: DeltaSink): Promise<DeltaJobSink> {
    if (sink.kind !== 'merge' || sink.post === null) return new DeltaJobSink(run, sink, null);
    const { openPost } = await import('./kafka-post.ts');
    return new DeltaJobSink(run, sink, await openPost(run, sink.post));
  }

  async prepare(): Promise<number | null> {
    const { checkpoint, job } = this.#run;
    await checkRefill(this.#table, { job, sink: this.#sink, checkpoint });
    const { schema } = this.#sink;
    const hasWorkers = this.#run.job.workers !== null;
    this.#isThere = await prepareTable(this.#table, this.#sink, { checkpoint, schema, hasWorkers });
    return this.#isThere ? this.#publisher.publish() : null;
  }

  async isApplied({ batch, digest }: JobBatch): Promise<boolean> {
    if (!this.#isThere) return false;
    const snapshot = await openSnapshot(this.#table);
    const last = snapshot.txnVersion(this.#run.checkpoint.id) ?? -1;
    if (last < batch) return false;
    const found = await this.#planOf(batch);
    // A batch that later ones came after is not run again: the checkpoint was put back to an older state.
    const isOther = found === null ? last > batch : found !== digest;
    if (isOther) throw batchMismatch(this.#table.store.uri, batch);
    return true;
  }

  /** Whether it has a table: one that takes the columns of the first rows has none before there are any. */
  get isThere(): boolean {
    return this.#isThere;
  }

  /** How far each partition is taken, by its name; without those that the table does not know. */
  async progress(partitions: readonly TopicPartition[]): Promise<Map<string, number>> {
    // Another worker may have made the table.
    if (!this.#isThere) await this.prepare();
    const stored = new Map<string, number>();
    if (!this.#isThere) return stored;
    const snapshot = await openSnapshot(this.#table);
    if (TXN_RETENTION in snapshot.metadata.configuration) {
      throw tableMismatch(
        this.#table.store.uri,
        `${TXN_RETENTION} lets it forget how far the workers are`,
      );
    }
    for (const place of partitions) {
      const offset = snapshot.txnVersion(progressId(this.#run.checkpoint.id, place));
      if (offset !== null) stored.set(partitionName(place), offset);
    }
    return stored;
  }

  async write(batch: JobBatch, rows: SinkRows): Promise<Written> {
    if (!this.#isThere && rows.inputs.length === 0) return NO_ROWS;
    if (!this.#isThere) await this.#create(rows.schema);
    this.#changed = await this.#keysOf(rows);
    const { clock, random } = this.#run.context;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#commit(batch, rows);
      } catch (error) {
        if (!isDeltaError(error, 'WRITE_CONFLICT') || attempt >= ATTEMPTS_MAX) throw error;
      }
      await clock.sleep(backoffMs(random, BACKOFF, attempt), this.#run.signal);
    }
  }

  async publish({ batch }: JobBatch): Promise<Published> {
    if (!this.#isThere) return { version: null, posted: 0 };
    const posted = await this.#postChanged(batch);
    await this.#packer?.afterBatch(batch);
    return { version: await this.#publisher.publish(), posted };
  }

  /** Engines that commit to the table in another way, of those whose commits were read. */
  get warnings(): readonly string[] {
    return [...this.#warnings];
  }

  async close(): Promise<void> {
    await this.#post?.close();
    const hasPacked = await this.#packer?.close();
    if (hasPacked === true) await this.#publisher.publish();
  }

  async #openToWrite(): Promise<Snapshot> {
    const snapshot = await openSnapshot(this.#table);
    const stranger = strangerOf(this.#table.store, snapshot);
    if (stranger !== null) this.#warnings.add(`${stranger.message}; ${stranger.cure}`);
    return snapshot;
  }

  /** The table takes the columns of the first rows. */
  async #create(schema: StructType): Promise<void> {
    const { checkpoint, job } = this.#run;
    const hasWorkers = job.workers !== null;
    this.#isThere = await prepareTable(this.#table, this.#sink, { checkpoint, schema, hasWorkers });
    await this.#publisher.publish();
  }

  #commit(batch: JobBatch, rows: SinkRows): Promise<Written> {
    const sink = this.#sink;
    return sink.kind === 'append' ? this.#append(batch, rows) : this.#merge(sink, batch, rows);
  }

  async #append(batch: JobBatch, { inputs, schema }: SinkRows): Promise<Written> {
    const { dropDuplicates, keys, transform } = this.#run.job;
    const columns = dropDuplicates?.columns ?? [];
    if (inputs.length > 0) this.#checkKeys(columns, schema);
    const snapshot = await this.#openToWrite();
    const result = await ingest(this.#table, snapshot, inputs, {
      ...this.#writeOptions(batch),
      // A transform's rows come from rows whose keys were looked at.
      ...(transform === null ? { keyColumns: keys } : {}),
      dropDuplicates: columns,
      against: dropDuplicates?.against ?? 'batch',
    });
    if (result.kind === 'stale') throw rangeStale(this.#table.store.uri);
    const { duplicateCount, insertedCount } = result;
    return { duplicates: duplicateCount, inserted: insertedCount, updated: 0, deleted: 0 };
  }

  async #merge(sink: MergeSink, batch: JobBatch, { inputs, schema }: SinkRows): Promise<Written> {
    const { dropDuplicates, keepLatest, keys, transform } = this.#run.job;
    const prepared = await prepareMergeSource(this.#table, inputs, {
      schema,
      keyColumns: transform === null ? keys : [],
      dropDuplicates: transform === null ? (dropDuplicates?.columns ?? []) : [],
      ...(keepLatest === null ? {} : { keepLatest }),
      ...(this.#run.signal === undefined ? {} : { signal: this.#run.signal }),
    });
    try {
      const snapshot = await this.#openToWrite();
      const result = await merge(this.#table, snapshot, {
        ...this.#writeOptions(batch),
        source: prepared.source,
        on: sink.on,
        whenMatched: sink.whenMatched,
        whenNotMatched: sink.whenNotMatched,
      });
      if (result.kind === 'stale') throw rangeStale(this.#table.store.uri);
      return {
        duplicates: prepared.duplicateCount,
        inserted: result.insertedCount,
        updated: result.updatedCount,
        deleted: result.deletedCount,
      };
    } finally {
      await prepared.close();
    }
  }

  #checkKeys(columns: readonly string[], schema: StructType): void {
    const missing = columns.find((name) => findField(schema, name) === null);
    if (missing !== undefined) throw keyNotInSink(this.#run.job.name, missing);
  }

  #writeOptions({
    batch,
    digest,
    claims,
  }: JobBatch): Pick<IngestOptions, 'txn' | 'steps' | 'commitInfo' | 'signal' | 'evolve'> {
    const { checkpoint, job, signal } = this.#run;
    const { id } = checkpoint;
    const made: JsonObject = { job: job.name, checkpoint: id, batch, offsets: digest };
    const ranges = claims === undefined ? {} : { ranges: rangesJson(claims) };
    return {
      ...(claims === undefined
        ? { txn: { appId: id, version: batch } }
        : { steps: stepsOf(id, claims) }),
      commitInfo: { [BATCH_MEMBER]: { ...made, ...ranges } },
      evolve: this.#sink.evolve,
      ...(signal === undefined ? {} : { signal }),
    };
  }

  /** Which plan the table's commit of the batch was made from; null where that is not among the latest commits. */
  async #planOf(batch: number): Promise<JsonValue | null> {
    for (const { commitInfo } of await readHistory(this.#table, { limit: HISTORY_MAX })) {
      const made = commitInfo[BATCH_MEMBER];
      if (!isJsonObject(made)) continue;
      if (made['checkpoint'] !== this.#run.checkpoint.id || made['batch'] !== batch) continue;
      return made['offsets'] ?? null;
    }
    return null;
  }

  /** The keys of the rows that come in, where rows are posted. */
  async #keysOf({ inputs, schema }: SinkRows): Promise<Set<string>> {
    if (this.#post === null) return new Set();
    const columns = this.#post.keyIn(schema);
    const fields = columns.flatMap((name) => findField(schema, name) ?? []);
    const keys = new Set<string>();
    const { rows, close } = await openInputRows(this.#table, inputs, {
      schema: { kind: 'struct', fields },
    });
    try {
      for await (const row of rows) keys.add(keyText(row, columns));
    } finally {
      await close();
    }
    return keys;
  }

  /** The changed rows as they are in the table now: totals, whoever changed them last. */
  async #postChanged(batch: number): Promise<number> {
    const post = this.#post;
    if (post === null || this.#changed.size === 0) return 0;
    const rows: Row[] = [];
    const snapshot = await openSnapshot(this.#table);
    const key = post.keyIn(snapshot.schema);
    for await (const row of scanRows(this.#table, snapshot)) {
      if (this.#changed.has(keyText(row, key))) rows.push(row);
    }
    this.#changed = new Set();
    return post.send(batch, rows, snapshot.schema);
  }
}

/** A row's key as one text: values in JSON, so that no two keys are the same. */
function keyText(row: Row, columns: readonly string[]): string {
  return JSON.stringify(columns.map((name) => toText(row[name])));
}

function toText(value: Row[string] | undefined): string | null {
  if (value === null || value === undefined) return null;
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
