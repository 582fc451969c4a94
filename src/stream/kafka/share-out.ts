/** Who of a group takes which partition: as even as can be, and with as few moves as that allows. */

import type { TopicPartition } from './types.ts';

/**
 * Gives each of `partitions` to one of the members, of which there is at least one: no member has more than one partition
 * more than another, and a member keeps what it has as far as it may. `members` maps ids to the partitions they have; of
 * two that claim the same one, the first in the order of ids keeps it. The same for the same input.
 */
export function shareOut(
  partitions: readonly TopicPartition[],
  members: ReadonlyMap<string, readonly TopicPartition[]>,
): ReadonlyMap<string, readonly TopicPartition[]> {
  const free = new Map(partitions.map((it) => [nameOf(it), it]));
  const least = Math.floor(partitions.length / members.size);
  /** Members that may have one more. */
  let larger = partitions.length % members.size;
  const shares = new Map<string, TopicPartition[]>();
  for (const [member, owned] of [...members].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const share: TopicPartition[] = [];
    for (const name of owned.map(nameOf)) {
      const partition = free.get(name);
      if (partition === undefined || share.length > least) continue;
      if (share.length === least) {
        if (larger === 0) continue;
        larger -= 1;
      }
      free.delete(name);
      share.push(partition);
    }
    shares.set(member, share);
  }
  const rest = [...free.values()];
  for (const share of shares.values()) share.push(...rest.splice(0, least - share.length));
  for (const share of shares.values()) {
    if (share.length === least) share.push(...rest.splice(0, 1));
  }
  return shares;
}

/** A text that no other partition has. */
export function nameOf({ topic, partition }: TopicPartition): string {
  return `${topic}-${partition}`;
}
