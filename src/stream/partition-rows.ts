/** The rows of one topic partition in a batch, in tables by date and by the schema of their payload. */

import { type Codec, ParquetWriter } from '../parquet/index.ts';
import { type DataType, typesEqual } from '../schema/index.ts';
import type { OffsetRange, TopicPartition } from './kafka/types.ts';
import type { EnvelopeSpec } from './message-envelope.ts';
import { BATCH_FULL, type MessageFault } from './message-fault.ts';
import type { MessageFields } from './message-fields.ts';
import type { Payloads } from './message-payloads.ts';
import type { MessageRows } from './message-rows.ts';
import type { RowsPool } from './rows-pool.ts';

export interface RowsSpec extends EnvelopeSpec {
  /** Columns that the rows do not hold, because the folder that they go to says them. */
  readonly omit: ReadonlySet<string>;
  /** Whether rows of different dates are kept apart. */
  readonly splitByDate: boolean;
  /** Of the files. */
  readonly codec: Codec;
}

/** The file of one partition, and of one date where they are split, while it grows. */
export interface FileDraft extends TopicPartition {
  /** Days since the epoch; null where rows are not split, or have none. */
  readonly date: number | null;
  readonly rowCount: number;
  /** One after another, each with a payload of its own; mostly it is one. */
  readonly parts: readonly DraftPart[];
}

export interface DraftPart {
  /** Null where there is no column for it. */
  readonly payload: DataType | null;
  readonly writer: ParquetWriter;
}

/** Rows of a table: a row group of the file that it becomes. */
const TABLE_ROWS_MAX = 122_880;

export class PartitionRows {
  readonly range: OffsetRange;
  readonly #spec: RowsSpec;
  readonly #payloads: Payloads;
  readonly #pool: RowsPool;
  /** By date and by the schema of the payload. */
  readonly #open = new Map<number | null, Map<number, MessageRows>>();
  readonly #parts = new Map<number | null, DraftPart[]>();

  constructor(
    range: OffsetRange,
    parts: { readonly spec: RowsSpec; readonly payloads: Payloads; readonly pool: RowsPool },
  ) {
    this.range = range;
    this.#spec = parts.spec;
    this.#payloads = parts.payloads;
    this.#pool = parts.pool;
  }

  /** Adds a row, or says why it cannot be; a promise only where a table has to be begun. */
  append(message: MessageFields): MessageFault | null | Promise<MessageFault | null> {
    const slot = this.#payloads.slotOf(message);
    if (slot === null) return this.#appendAnew(message);
    if (typeof slot !== 'number') return slot;
    const rows = this.#open.get(this.#dateOf(message))?.get(slot);
    if (rows === undefined || rows.rowCount >= TABLE_ROWS_MAX) return this.#appendAnew(message);
    const bad = rows.append(message);
    return bad?.code === BATCH_FULL ? this.#appendAnew(message) : bad;
  }

  /** What is wrong with a value that makes no row. */
  async tryOut(message: MessageFields): Promise<MessageFault | null> {
    const slot = this.#payloads.slotOf(message) ?? (await this.#payloads.learn(message));
    if (typeof slot !== 'number') return slot;
    const columns = await this.#pool.scratch(slot);
    const bad = columns.append(message);
    columns.forget();
    return bad;
  }

  /** Into a table that is begun for it. */
  async #appendAnew(message: MessageFields): Promise<MessageFault | null> {
    const slot = this.#payloads.slotOf(message) ?? (await this.#payloads.learn(message));
    if (typeof slot !== 'number') return slot;
    const date = this.#dateOf(message);
    const bySlot = this.#open.get(date) ?? new Map<number, MessageRows>();
    this.#open.set(date, bySlot);
    const rows = bySlot.get(slot) ?? (await this.#pool.take(slot));
    bySlot.set(slot, rows);
    await this.#encode(date, rows);
    return rows.append(message);
  }

  #dateOf({ date }: MessageFields): number | null {
    return this.#spec.splitByDate ? date : null;
  }

  /** Ends the tables that are open. */
  async flush(): Promise<void> {
    for (const [date, bySlot] of this.#open) {
      for (const [slot, rows] of bySlot) {
        await this.#encode(date, rows);
        this.#pool.release(slot, rows);
      }
    }
    this.#open.clear();
  }

  /** By date. */
  drafts(): FileDraft[] {
    const { topic, partition } = this.range;
    return [...this.#parts]
      .sort(([left], [right]) => (left ?? -Infinity) - (right ?? -Infinity))
      .map(([date, parts]) => ({
        topic,
        partition,
        date,
        rowCount: parts.reduce((sum, { writer }) => sum + writer.rowCount, 0),
        parts,
      }));
  }

  /** What was appended, if anything was, becomes pages: its memory is free for the next rows. */
  async #encode(date: number | null, rows: MessageRows): Promise<void> {
    if (rows.rowCount === 0) return;
    const { table, payload } = await rows.finish(this.range);
    const parts = this.#parts.get(date) ?? [];
    this.#parts.set(date, parts);
    let part = parts.find((it) => samePayload(it.payload, payload));
    if (part === undefined) {
      part = { payload, writer: await ParquetWriter.open(this.#spec) };
      parts.push(part);
    }
    await part.writer.add(table);
  }
}

/** Whether two payloads have the same columns, or both none. */
export function samePayload(left: DataType | null, right: DataType | null): boolean {
  return left === null || right === null ? left === right : typesEqual(left, right);
}
