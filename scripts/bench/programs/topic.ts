/**
 * topic.ts BROKERS REGISTRY COUNT: fills the topic `transmissao-efetuada` with so many events in three partitions: ten headers,
 * an Avro value of 207 bytes on average, 2 % sent twice, none broken. The same events each time.
 */

import { parseArgs } from 'node:util';

import { systemClock, systemRandom } from '../../../src/base/index.ts';
import { openBroker } from '../../../src/stream/kafka/kafka-broker.ts';
import { encodeEvent, EVENT_SCHEMAS, SUBJECT, TOPIC } from '../../e-financeira/encode.ts';
import { type EventMessage, generate } from '../../e-financeira/events.ts';
import { createTopic, registerSchema, sendAll } from '../../e-financeira/live.ts';

const PARTITIONS = 3;
const [brokers = '', registry = '', count = ''] = parseArgs({ allowPositionals: true }).positionals;

/** The shipped events are shorter than those of the topic that the target speaks of: receipts and answers are. */
function* longer(messages: Iterable<EventMessage>, schemaId: number): Generator<EventMessage> {
  for (const message of messages) {
    if (message.truth.kind === 'broken') throw new Error('no message of the benchmark is broken');
    const { event } = message.truth;
    const { value } = event;
    const hash = event.id.replaceAll('-', '');
    const longerValue = {
      ...value,
      descricao_retorno: `${value.descricao_retorno}; resposta do ambiente nacional da RFB`,
      numero_recibo: value.numero_recibo === null ? null : `${value.numero_recibo}-${hash}`,
    };
    yield { ...message, value: encodeEvent(longerValue, { version: 0, schemaId }) };
  }
}

const schemaId = await registerSchema(registry, SUBJECT, EVENT_SCHEMAS[0]);
await createTopic([brokers], { topic: TOPIC, partitionCount: PARTITIONS });
const broker = await openBroker(
  { brokers: [brokers] },
  { clock: systemClock, random: systemRandom },
);
const producer = await broker.producer();
const messages = generate({
  seed: 1,
  count: Number(count),
  companies: 500,
  partitions: PARTITIONS,
  startMs: Date.parse('2026-11-20T09:00:00Z'),
  ratePerSecond: 1000,
  lateShare: 0,
  brokenShare: 0,
  schemaIds: [schemaId],
});
let bytes = 0;
const counted = function* (): Generator<EventMessage> {
  for (const message of longer(messages, schemaId)) {
    bytes += message.value?.length ?? 0;
    yield message;
  }
};
const sent = await sendAll(producer, counted(), { topic: TOPIC, pace: null });
await producer.close();
await broker.close();
console.log(JSON.stringify({ sent, valueBytes: bytes / sent }));
