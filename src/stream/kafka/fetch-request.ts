/** One fetch of one partition: Kafka's protocol, "Fetch API", version 11, with the records as they are in the log. */

import type * as kafka from '@platformatic/kafka';

import type { AbortedTransaction } from './abort-filter.ts';

export interface FetchRequest {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Leaves out what is after the last stable offset, and names the transactions that were aborted. */
  readonly committedOnly: boolean;
  /** What the answer's records are put into. */
  readonly room: AnswerRoom;
}

/** Memory for the records of one answer after another. */
export class AnswerRoom {
  #bytes = Buffer.alloc(0);

  /** `pieces` one after another; valid until the next call. */
  join(pieces: readonly Buffer[]): Buffer {
    const [only] = pieces;
    if (only !== undefined && pieces.length === 1) return only;
    const sizeBytes = pieces.reduce((sum, { length }) => sum + length, 0);
    if (this.#bytes.length < sizeBytes) this.#bytes = Buffer.allocUnsafeSlow(sizeBytes);
    let end = 0;
    for (const piece of pieces) end += piece.copy(this.#bytes, end);
    return this.#bytes.subarray(0, end);
  }
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

/** Throws the library's errors. */
export function requestFetch(
  library: typeof kafka,
  connection: kafka.Connection,
  request: FetchRequest,
): Promise<FetchAnswer> {
  return new Promise((resolve, reject) => {
    connection.send<FetchAnswer>(
      FETCH.key,
      FETCH.version,
      () => writeRequest(library, request),
      (_correlation, _key, _version, reader) => readAnswer(library, reader, request),
      false,
      false,
      (error, answer) =>
        answer === undefined
          ? reject(error ?? new Error('an answer without content'))
          : resolve(answer),
    );
  });
}

function writeRequest({ Writer }: typeof kafka, request: FetchRequest): kafka.Writer {
  const { topic, partition, offset, committedOnly } = request;
  return Writer.create()
    .appendInt32(-1) // replica: a client
    .appendInt32(WAIT_MS_MAX)
    .appendInt32(1) // least bytes
    .appendInt32(FETCH_BYTES_MAX)
    .appendInt8(committedOnly ? 1 : 0)
    .appendInt32(0) // no session
    .appendInt32(-1)
    .appendInt32(1) // one topic
    .appendString(topic, false)
    .appendInt32(1) // one partition
    .appendInt32(partition)
    .appendInt32(-1) // leader epoch: whichever
    .appendInt64(BigInt(offset))
    .appendInt64(-1n) // log start: a client has none
    .appendInt32(FETCH_BYTES_MAX)
    .appendInt32(0) // nothing forgotten
    .appendString('', false); // rack
}

function readAnswer(
  library: typeof kafka,
  reader: kafka.Reader,
  request: FetchRequest,
): FetchAnswer {
  const throttleMs = reader.readInt32();
  raise(library, reader.readInt16());
  reader.readInt32(); // session
  const topics = reader.readInt32();
  if (topics !== 1) return { readableEnd: -1, aborted: [], log: Buffer.alloc(0), throttleMs };
  reader.readString(false);
  reader.readInt32(); // one partition
  reader.readInt32();
  raise(library, reader.readInt16());
  const highWatermark = Number(reader.readInt64());
  const lastStableOffset = Number(reader.readInt64());
  reader.readInt64(); // log start
  const aborted = reader.readNullableArray<AbortedTransaction>(
    () => ({ producerId: reader.readInt64(), firstOffset: Number(reader.readInt64()) }),
    false,
    false,
  );
  reader.readInt32(); // preferred replica
  const length = Math.max(0, reader.readInt32());
  return {
    readableEnd: request.committedOnly ? lastStableOffset : highWatermark,
    aborted: aborted ?? [],
    log: request.room.join(
      reader.buffer.subarray(reader.position, reader.position + length).buffers,
    ),
    throttleMs,
  };
}

function raise({ ProtocolError }: typeof kafka, errorCode: number): void {
  if (errorCode !== 0) throw new ProtocolError(errorCode);
}
