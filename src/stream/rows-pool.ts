/** Columns for the rows of messages, used again: partition after partition and batch after batch have the same. */

import type { ArrowModule } from './message-columns.ts';
import type { Payloads } from './message-payloads.ts';
import { MessageRows, type MessageRowsSpec, type PayloadColumns } from './message-rows.ts';

/** Free columns of one slot that are kept: each holds the memory of the largest table that it held. */
const FREE_MAX = 4;

export class RowsPool {
  readonly #arrow: ArrowModule;
  readonly #spec: MessageRowsSpec;
  readonly #payloads: Payloads;
  readonly #free = new Map<number, MessageRows[]>();
  /** Columns that values are only tried on. */
  readonly #scratch = new Map<number, PayloadColumns>();

  constructor(arrow: ArrowModule, spec: MessageRowsSpec, payloads: Payloads) {
    this.#arrow = arrow;
    this.#spec = spec;
    this.#payloads = payloads;
  }

  /** Empty columns for the rows of a slot. */
  async take(slot: number): Promise<MessageRows> {
    const free = this.#free.get(slot)?.pop();
    if (free !== undefined) return free;
    return new MessageRows(this.#arrow, this.#spec, await this.#payloads.columns(slot));
  }

  /** Takes columns back whose rows have been handed over. */
  release(slot: number, rows: MessageRows): void {
    const free = this.#free.get(slot) ?? [];
    if (free.length < FREE_MAX) free.push(rows);
    this.#free.set(slot, free);
  }

  async scratch(slot: number): Promise<PayloadColumns> {
    const columns = this.#scratch.get(slot) ?? (await this.#payloads.columns(slot));
    this.#scratch.set(slot, columns);
    return columns;
  }
}
