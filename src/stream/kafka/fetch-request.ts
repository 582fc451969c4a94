/** One fetch of one partition: Kafka's protocol, "Fetch API", version 11, with the records as they are in the log. */

import type { AbortedTransaction } from './abort-filter.ts';
import type { AnswerRoom, BrokerConnection } from './broker-connection.ts';
import { BrokerRefusal } from './errors.ts';
import { AnswerReader, RequestWriter } from './wire.ts';

export interface FetchRequest {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Leaves out what is after the last stable offset, and names the transactions that were aborted. */
  readonly committedOnly: boolean;
  /** What the answer is put into. */
  readonly room: AnswerRoom;
}

export interface FetchAnswer {
  /** Records from here on may not be read yet: the last stable offset, or the high watermark. */
  readonly readableEnd: number;
  readonly aborted: readonly AbortedTransaction[];
  /** Whole batches, the last one maybe cut; may begin before the offset that was asked for. In the request's room. */
  readonly log: Buffer;
  /** How long the broker wants to be left alone: it answers with nothing meanwhile. */
  readonly throttleMs: number;
}

/** Measured: more at once costs more CPU a record. A batch that is larger comes whole all the same. */
const FETCH_BYTES_MAX = 1024 * 1024;
const WAIT_MS_MAX = 500;
const FETCH = { key: 1, version: 11 };

/** Throws `BrokerRefusal`, and what the connection throws. */
export async function requestFetch(
  connection: BrokerConnection,
  request: FetchRequest,
): Promise<FetchAnswer> {
  const body = writeRequest(request);
  return readAnswer(await connection.request({ api: FETCH, body, room: request.room }), request);
}

function writeRequest({ topic, partition, offset, committedOnly }: FetchRequest): Buffer {
  return new RequestWriter()
    .int32(-1) // replica: a client
    .int32(WAIT_MS_MAX)
    .int32(1) // least bytes
    .int32(FETCH_BYTES_MAX)
    .int8(committedOnly ? 1 : 0)
    .int32(0) // no session
    .int32(-1)
    .int32(1) // one topic
    .text(topic)
    .int32(1) // one partition
    .int32(partition)
    .int32(-1) // leader epoch: whichever
    .int64(offset)
    .int64(-1) // log start: a client has none
    .int32(FETCH_BYTES_MAX)
    .int32(0) // nothing forgotten
    .text('') // rack
    .finish();
}

function readAnswer(answer: Buffer, { committedOnly }: FetchRequest): FetchAnswer {
  const reader = new AnswerReader(answer);
  const throttleMs = reader.int32();
  raise(reader.int16());
  reader.int32(); // session
  const topics = reader.int32();
  if (topics !== 1) return { readableEnd: -1, aborted: [], log: Buffer.alloc(0), throttleMs };
  reader.text();
  reader.int32(); // one partition
  reader.int32();
  raise(reader.int16());
  const highWatermark = reader.int64();
  const lastStableOffset = reader.int64();
  reader.int64(); // log start
  const aborted = reader.list(() => ({
    producerId: reader.bigint64(),
    firstOffset: reader.int64(),
  }));
  reader.int32(); // preferred replica
  const readableEnd = committedOnly ? lastStableOffset : highWatermark;
  return { readableEnd, aborted, log: reader.bytes(), throttleMs };
}

function raise(errorCode: number): void {
  if (errorCode !== 0) throw new BrokerRefusal(errorCode);
}
