/** Workers of one group on a real broker: who has which partition while they come and go. */

import { afterAll, beforeAll, expect, test } from 'vitest';

import { systemClock, systemRandom } from '../../src/base/index.ts';
import type { Broker, Membership } from '../../src/stream/index.ts';
import { codeOf, KafkaBed } from './kafka-bed.ts';

const bed = new KafkaBed();
const brokers: Broker[] = [];

beforeAll(() => bed.admin.connect());
afterAll(async () => {
  for (const broker of brokers) await broker.close();
  await bed.admin.disconnect();
});

async function joined(topic: string, group: string, purpose = 'test'): Promise<Membership> {
  const broker = await bed.open();
  brokers.push(broker);
  return broker.join({
    group,
    purpose,
    partitions: async () => {
      const [info] = await broker.topics({ names: [topic] });
      const count = info?.partitionCount ?? 0;
      return Array.from({ length: count }, (_, partition) => ({ topic, partition }));
    },
  });
}

const rising = (a: number, b: number): number => a - b;

async function numbers(member: Membership): Promise<number[]> {
  const { partitions } = await member.assignment();
  return partitions.map(({ partition }) => partition).sort(rising);
}

/** Waits until the members have so many partitions each. */
async function settle(members: readonly Membership[], sizes: readonly number[]): Promise<void> {
  for (;;) {
    const found = await Promise.all(members.map(numbers));
    const all = new Set(found.flat());
    const wanted = sizes.reduce((sum, size) => sum + size, 0);
    const counts = found.map((some) => some.length).sort(rising);
    if (counts.join() === [...sizes].sort(rising).join() && all.size === wanted) return;
    await systemClock.sleep(50);
  }
}

test('partitions are shared out as members come and go, and those that stay keep what they may', async () => {
  const topic = await bed.topic(4);
  const group = systemRandom.uuid();
  const a = await joined(topic, group);
  const alone = await a.assignment();
  expect(await numbers(a)).toEqual([0, 1, 2, 3]);
  const b = await joined(topic, group);
  await settle([a, b], [2, 2]);
  expect(alone.lost.aborted).toBe(true);
  expect(alone.lost.reason).toMatchObject({ code: 'KAFKA_PARTITION_LOST' });
  const kept = await a.assignment();
  expect(alone.partitions).toEqual(expect.arrayContaining([...kept.partitions]));
  await b.leave();
  await settle([a], [4]);
  // Nothing of it was lost: what was planned with it may go on.
  expect(kept.lost.aborted).toBe(false);
  await a.leave();
});

test('a member with another purpose is refused', async () => {
  const topic = await bed.topic(1);
  const group = systemRandom.uuid();
  const a = await joined(topic, group);
  await a.assignment();
  const other = await joined(topic, group, 'something else');
  expect(await codeOf(other.assignment())).toBe('KAFKA_GROUP_SHARED');
  await other.leave();
  await a.leave();
});

test('waiting for a place ends with its signal, and leaving while joining is quick', async () => {
  const topic = await bed.topic(1);
  const member = await joined(topic, systemRandom.uuid());
  const reason = new Error('enough');
  await expect(member.assignment(AbortSignal.abort(reason))).rejects.toBe(reason);
  await member.leave();
  await member.leave();
});
