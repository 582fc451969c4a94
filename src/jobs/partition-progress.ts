/**
 * Progress of several workers, in the table itself: for each topic partition a `txn` with the appId
 * `<id of the checkpoint>/<topic>-<partition>`, whose version is the offset after the last one taken. `commitInfo` says
 * which ranges a commit took.
 */

import type { JsonObject } from '../base/index.ts';
import type { TopicPartition } from '../stream/index.ts';
import type { TxnStep } from '../table/index.ts';
import type { RangeClaim } from './job-sink.ts';

export function progressId(checkpointId: string, place: TopicPartition): string {
  return `${checkpointId}/${partitionName(place)}`;
}

/** `<topic>-<partition>`: no other partition has the same. */
export function partitionName({ topic, partition }: TopicPartition): string {
  return `${topic}-${partition}`;
}

/** What a commit of the ranges does to the progress. */
export function stepsOf(checkpointId: string, claims: readonly RangeClaim[]): readonly TxnStep[] {
  return claims.map((claim) => ({
    appId: progressId(checkpointId, claim),
    version: claim.end,
    expected: claim.expected,
  }));
}

/** By topic and partition the offsets of the range: `{"transmissao-efetuada":{"3":[100,300]}}`. */
export function rangesJson(claims: readonly RangeClaim[]): JsonObject {
  const topics = Map.groupBy(claims, ({ topic }) => topic);
  return Object.fromEntries(
    [...topics].map(([topic, some]) => [
      topic,
      Object.fromEntries(some.map(({ partition, start, end }) => [partition, [start, end]])),
    ]),
  );
}
