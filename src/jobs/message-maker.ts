/**
 * Rows as the messages of a topic:
 *
 *     key      the key columns' values as text, joined by `|`; null is empty. Of several, `|` and `\` inside of a value
 *              have a `\` before them, so that no two keys are the same. Without key columns there is no key.
 *     value    JSON (`message-json.ts`) or Avro in Confluent's envelope (`message-avro.ts`)
 *     headers  the constant ones; and as CloudEvents has them, where no constant has the name:
 *              id             a UUID, the same where a batch is sent again: of checkpoint, batch, key, and how many
 *                             messages of the batch had the key before
 *              time           when the batch was planned, ISO 8601 in UTC
 *              transactionid  `<id of the checkpoint>/<batch>`
 *
 * The broker's timestamp of a message is when it was made, so that the topic keeps it for its whole time.
 */

import { nameUuid, printJson } from '../base/index.ts';
import { findField, printTimestamp, type Row, type StructType } from '../schema/index.ts';
import { type ProducedRecord, readOffsets } from '../stream/index.ts';
import type { Post } from './job.ts';
import { messageKeyMissing } from './errors.ts';
import type { Run } from './job-context.ts';
import { openAvroMessages } from './message-avro.ts';
import { toJson, toText } from './message-json.ts';

/** What is in memory at a time. */
const PORTION_RECORDS_MAX = 5000;
const PORTION_BYTES_MAX = 8 * 1024 * 1024;

export type Rows = readonly Row[] | AsyncIterable<Row>;

/** Turns the rows of a schema into values. */
type Values = (schema: StructType) => (row: Row) => Buffer;

export class MessageMaker {
  readonly #run: Run;
  readonly #post: Post;
  readonly #values: Values;

  private constructor(run: Run, post: Post, values: Values) {
    this.#run = run;
    this.#post = post;
    this.#values = values;
  }

  /** Errors: those of `openAvroMessages`. */
  static async open(run: Run, post: Post): Promise<MessageMaker> {
    const { value } = post;
    const values = value.format === 'json' ? jsonValues : await openAvroMessages(run, value);
    return new MessageMaker(run, post, values);
  }

  /**
   * The messages of a batch's rows, in portions, in order. Whether the columns fit is seen before the first row.
   * Errors: `MESSAGE_KEY_MISSING`, `MESSAGE_FIELD_MISSING`, `AVRO_BAD_VALUE` (invalid).
   */
  async *portions(
    batch: number,
    rows: Rows,
    schema: StructType,
  ): AsyncGenerator<readonly ProducedRecord[]> {
    const keyOf = this.#keys(schema);
    const valueOf = this.#values(schema);
    const headersOf = await this.#headers(batch);
    const timestampMs = this.#run.context.clock.now();
    let portion: ProducedRecord[] = [];
    let sizeBytes = 0;
    for await (const row of rows) {
      const key = keyOf(row);
      const value = valueOf(row);
      const keyBytes = key === null ? null : Buffer.from(key);
      portion.push({ key: keyBytes, value, headers: headersOf(key), timestampMs });
      sizeBytes += value.length;
      if (portion.length < PORTION_RECORDS_MAX && sizeBytes < PORTION_BYTES_MAX) continue;
      yield portion;
      portion = [];
      sizeBytes = 0;
    }
    if (portion.length > 0) yield portion;
  }

  #keys(schema: StructType): (row: Row) => string | null {
    const { key: columns, topic } = this.#post;
    const parts = columns.map((column) => {
      const field = findField(schema, column);
      if (field === null) throw messageKeyMissing(topic, column);
      return { name: field.name, print: toText(field.type) };
    });
    if (parts.length === 0) return () => null;
    const texts = (row: Row): string[] => parts.map(({ name, print }) => print(row[name]));
    if (parts.length === 1) return (row) => texts(row).join('');
    return (row) =>
      texts(row)
        .map((text) => text.replaceAll(/[\\|]/g, String.raw`\$&`))
        .join('|');
  }

  /** Called for one message after the other. */
  async #headers(batch: number): Promise<(key: string | null) => ProducedRecord['headers']> {
    const { checkpoint } = this.#run;
    const { batchTimestampMs } = await readOffsets(checkpoint, batch);
    const common = new Map(
      Object.entries({
        time: printTimestamp(BigInt(batchTimestampMs) * 1000n, ISO_MILLIS),
        transactionid: `${checkpoint.id}/${batch}`,
        ...this.#post.headers,
      }),
    );
    const constants = [...common].map(([name, text]) => [name, Buffer.from(text)] as const);
    if (common.has('id')) return () => constants;
    const seen = new Map<string | null, number>();
    return (key) => {
      const before = seen.get(key) ?? 0;
      seen.set(key, before + 1);
      const id = nameUuid([checkpoint.id, batch, key, before]);
      return [...constants, ['id', Buffer.from(id)]];
    };
  }
}

const ISO_MILLIS = { separator: 'T', fraction: 'millis', zone: 'Z' } as const;

const jsonValues: Values = (schema) => {
  const convert = toJson(schema);
  return (row) => Buffer.from(printJson(convert(row)));
};
