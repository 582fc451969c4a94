/** What the recorded topic in `fixtures/e-financeira/topico` is made of. */

import { EVENT_SCHEMAS, REPORT_SCHEMA, REPORT_SUBJECT, SUBJECT } from './encode.ts';
import { type EventMessage, generate, type GenerateOptions } from './events.ts';
import type { Subject } from './recording.ts';

/** Thirty-three hours of events, so that they fall on several days, with every fault once and the schema evolving halfway. */
export const SHIPPED: GenerateOptions = {
  seed: 20_261_240,
  count: 640,
  companies: 12,
  partitions: 3,
  startMs: Date.UTC(2026, 10, 20, 9),
  ratePerSecond: 1 / 186,
  duplicateShare: 0.02,
  lateShare: 0.035,
  brokenShare: 0.02,
  schemaIds: [1, 2],
};

export const SHIPPED_SUBJECTS: readonly Subject[] = [
  { subject: SUBJECT, schemas: EVENT_SCHEMAS.map((schema, index) => ({ id: index + 1, schema })) },
  { subject: REPORT_SUBJECT, schemas: [{ id: 3, schema: REPORT_SCHEMA }] },
];

export function shippedMessages(): Iterable<EventMessage> {
  return generate(SHIPPED);
}
