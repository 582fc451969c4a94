/** Where a time is in a partition: Kafka's protocol, "ListOffsets API", version 5. */

import type { BrokerConnection } from './broker-connection.ts';
import { BrokerRefusal } from './errors.ts';
import { AnswerReader, RequestWriter } from './wire.ts';

export interface OffsetRequest {
  readonly topic: string;
  readonly partition: number;
  /** Milliseconds since the epoch; `EARLIEST`, `LATEST`. */
  readonly time: number;
  /** Whether the latest offset is the last stable one. */
  readonly committedOnly: boolean;
}

export const EARLIEST = -2;
export const LATEST = -1;
const LIST_OFFSETS = { key: 2, version: 5 };

/** Of the first record at or after the time; -1 where there is none. Throws `BrokerRefusal`, and what the connection throws. */
export async function requestOffset(
  connection: BrokerConnection,
  { topic, partition, time, committedOnly }: OffsetRequest,
): Promise<number> {
  const body = new RequestWriter()
    .int32(-1) // replica: a client
    .int8(committedOnly ? 1 : 0)
    .int32(1) // one topic
    .text(topic)
    .int32(1) // one partition
    .int32(partition)
    .int32(-1) // leader epoch: whichever
    .int64(time)
    .finish();
  const reader = new AnswerReader(await connection.request({ api: LIST_OFFSETS, body }));
  reader.int32(); // throttle time
  reader.int32(); // one topic
  reader.text();
  reader.int32(); // one partition
  reader.int32();
  const errorCode = reader.int16();
  if (errorCode !== 0) throw new BrokerRefusal(errorCode);
  reader.int64(); // time
  return reader.int64();
}
