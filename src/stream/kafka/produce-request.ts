/** One batch to one partition: Kafka's protocol, "Produce API", version 8. */

import type { BrokerConnection } from './broker-connection.ts';
import { BrokerRefusal } from './errors.ts';
import { AnswerReader, RequestWriter } from './wire.ts';

export interface ProduceRequest {
  readonly topic: string;
  readonly partition: number;
  readonly transactionalId: string | null;
  readonly batch: Buffer;
}

const PRODUCE = { key: 0, version: 8 };
const ALL_REPLICAS = -1;
const TIMEOUT_MS = 30_000;

/** Resolves when all replicas have the batch. Throws `BrokerRefusal`, and what the connection throws. */
export async function requestProduce(
  connection: BrokerConnection,
  request: ProduceRequest,
): Promise<void> {
  const { topic, partition, transactionalId, batch } = request;
  const head = new RequestWriter()
    .text(transactionalId)
    .int16(ALL_REPLICAS)
    .int32(TIMEOUT_MS)
    .int32(1) // one topic
    .text(topic)
    .int32(1) // one partition
    .int32(partition)
    .int32(batch.length)
    .finish();
  const body = Buffer.concat([head, batch]);
  readAnswer(new AnswerReader(await connection.request({ api: PRODUCE, body })));
}

function readAnswer(reader: AnswerReader): void {
  reader.int32(); // one topic
  reader.text();
  reader.int32(); // one partition
  reader.int32();
  const errorCode = reader.int16();
  if (errorCode === 0) return;
  reader.int64(); // offset
  reader.int64(); // time
  reader.int64(); // log start
  const reasons = reader.list(() => {
    reader.int32();
    return reader.text();
  });
  const said = [...reasons, reader.text()].filter((it) => it !== null);
  throw new BrokerRefusal(errorCode, said.join('; ') || null);
}
