/** The rows of one topic partition in a batch, in tables by date and by the schema of their payload. */

import type { Table } from 'apache-arrow';

import type { OffsetRange } from './kafka/types.ts';
import type { ArrowModule } from './message-columns.ts';
import type { EnvelopeSpec } from './message-envelope.ts';
import { BATCH_FULL, type MessageFault } from './message-fault.ts';
import type { MessageFields } from './message-fields.ts';
import type { Payloads } from './message-payloads.ts';
import { MessageRows, type MessageTable, type PayloadColumns } from './message-rows.ts';

export interface RowsSpec extends EnvelopeSpec {
  /** Columns that the rows do not hold, because the folder that they go to says them. */
  readonly omit: ReadonlySet<string>;
  /** Whether rows of different dates are kept apart. */
  readonly splitByDate: boolean;
}

/** The rows of one partition, and of one date where they are split. */
export interface MessageFile {
  readonly topic: string;
  readonly partition: number;
  /** Days since the epoch; null where rows are not split, or have none. */
  readonly date: number | null;
  readonly rowCount: number;
  /** All with the same columns. */
  readonly tables: readonly Table[];
}

/** Rows of a table: a row group of the file that it becomes. */
const TABLE_ROWS_MAX = 122_880;

export class PartitionRows {
  readonly range: OffsetRange;
  readonly #arrow: ArrowModule;
  readonly #spec: RowsSpec;
  readonly #payloads: Payloads;
  /** By date and by the schema of the payload. */
  readonly #open = new Map<number | null, Map<number, MessageRows>>();
  readonly #tables = new Map<number | null, MessageTable[]>();
  /** Columns that values are only tried on. */
  readonly #scratch = new Map<number, PayloadColumns>();

  constructor(
    arrow: ArrowModule,
    range: OffsetRange,
    parts: { readonly spec: RowsSpec; readonly payloads: Payloads },
  ) {
    this.#arrow = arrow;
    this.range = range;
    this.#spec = parts.spec;
    this.#payloads = parts.payloads;
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
    const columns = this.#scratch.get(slot) ?? (await this.#payloads.columns(slot));
    this.#scratch.set(slot, columns);
    const bad = columns.append(message);
    columns.forget();
    return bad;
  }

  /** Into a table that is begun for it. */
  async #appendAnew(message: MessageFields): Promise<MessageFault | null> {
    const slot = this.#payloads.slotOf(message) ?? (await this.#payloads.learn(message));
    if (typeof slot !== 'number') return slot;
    const date = this.#dateOf(message);
    const full = this.#open.get(date)?.get(slot);
    if (full !== undefined) await this.#close((rows) => rows === full);
    const bySlot = this.#open.get(date) ?? new Map<number, MessageRows>();
    this.#open.set(date, bySlot);
    const { topic, partition } = this.range;
    const spec = { ...this.#spec, topic, partition };
    const rows = new MessageRows(this.#arrow, spec, await this.#payloads.columns(slot));
    bySlot.set(slot, rows);
    return rows.append(message);
  }

  #dateOf({ date }: MessageFields): number | null {
    return this.#spec.splitByDate ? date : null;
  }

  /** Ends the tables that are open. */
  async flush(): Promise<void> {
    await this.#close((rows) => rows.rowCount > 0);
  }

  /** By date; before `unify` tables may differ in their columns. */
  files(): (Omit<MessageFile, 'tables'> & { readonly tables: readonly MessageTable[] })[] {
    const { topic, partition } = this.range;
    return [...this.#tables]
      .sort(([left], [right]) => (left ?? -Infinity) - (right ?? -Infinity))
      .map(([date, tables]) => ({
        topic,
        partition,
        date,
        rowCount: tables.reduce((sum, { table }) => sum + table.numRows, 0),
        tables,
      }));
  }

  async #close(isDone: (rows: MessageRows) => boolean): Promise<void> {
    for (const [date, bySlot] of this.#open) {
      for (const [slot, rows] of bySlot) {
        if (!isDone(rows)) continue;
        const tables = this.#tables.get(date) ?? [];
        tables.push(await rows.finish());
        this.#tables.set(date, tables);
        bySlot.delete(slot);
      }
    }
  }
}
