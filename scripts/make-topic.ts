/**
 * Makes the recorded topic and registry that ship in `fixtures/e-financeira`: what two days of the topic
 * `transmissao-efetuada` may hold, the same bytes at every run.
 *
 *     node scripts/make-topic.ts [FOLDER]
 */

import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import { TOPIC } from './e-financeira/encode.ts';
import { recount } from './e-financeira/recount.ts';
import { recordRegistry, recordTopic } from './e-financeira/recording.ts';
import { SHIPPED, SHIPPED_SUBJECTS, shippedMessages } from './e-financeira/shipped-topic.ts';

const folder = process.argv[2] ?? new URL('../fixtures/e-financeira/', import.meta.url).pathname;
const [topic, registry] = [join(folder, 'topico'), join(folder, 'registro')];
const partitionCount = SHIPPED.partitions;

await rm(topic, { recursive: true, force: true });
await rm(registry, { recursive: true, force: true });
await recordTopic(topic, { topic: TOPIC, partitionCount, messages: shippedMessages() });
await recordRegistry(registry, SHIPPED_SUBJECTS);

const counted = recount(shippedMessages(), { partitionCount });
const late = [...counted.detail.values()].filter(({ event }) => event.late).length;
console.log(
  `${counted.detail.size} events, ${late} of them late, ${counted.duplicateCount} duplicates, ` +
    `${counted.deadLetters.length} broken; offsets end at ${counted.endOffsets.join(', ')}`,
);
