/** One batch to one partition: Kafka's protocol, "Produce API", version 8. */

import type * as kafka from '@platformatic/kafka';

export interface ProduceRequest {
  readonly topic: string;
  readonly partition: number;
  readonly transactionalId: string | null;
  readonly batch: Buffer;
}

const PRODUCE = { key: 0, version: 8 };
const ALL_REPLICAS = -1;
const TIMEOUT_MS = 30_000;

/** Resolves when all replicas have the batch. Throws the library's errors. */
export function requestProduce(
  library: typeof kafka,
  connection: kafka.Connection,
  request: ProduceRequest,
): Promise<void> {
  return new Promise((resolve, reject) => {
    connection.send(
      PRODUCE.key,
      PRODUCE.version,
      () => writeRequest(library, request),
      library.produceV8.parseResponse,
      false,
      false,
      (error) => (error === null ? resolve() : reject(error)),
    );
  });
}

function writeRequest({ Writer }: typeof kafka, request: ProduceRequest): kafka.Writer {
  const { topic, partition, transactionalId, batch } = request;
  return Writer.create()
    .appendString(transactionalId, false)
    .appendInt16(ALL_REPLICAS)
    .appendInt32(TIMEOUT_MS)
    .appendInt32(1) // one topic
    .appendString(topic, false)
    .appendInt32(1) // one partition
    .appendInt32(partition)
    .appendInt32(batch.length)
    .append(batch);
}
