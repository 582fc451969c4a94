/** What has to happen so that a table's partitions become the wanted ones. */

import { documentText, mergePartitionInput } from './entry.ts';
import type { PartitionChanges, PartitionInput } from './types.ts';

export interface PartitionDiff {
  readonly created: readonly PartitionInput[];
  /** As an update writes them: what others set is kept. */
  readonly updated: readonly PartitionInput[];
  readonly deleted: readonly PartitionInput[];
  readonly changed: boolean;
  readonly changes: PartitionChanges;
  /** The partition of the same values as it was, or null. */
  found(partition: PartitionInput): PartitionInput | null;
}

export function comparePartitions(
  before: Iterable<PartitionInput>,
  wanted: readonly PartitionInput[],
): PartitionDiff {
  const byValues = new Map<string, PartitionInput>();
  for (const partition of before) byValues.set(valuesKey(partition), partition);
  const created: PartitionInput[] = [];
  const updated: PartitionInput[] = [];
  const wantedKeys = new Set<string>();
  for (const partition of wanted) {
    const key = valuesKey(partition);
    wantedKeys.add(key);
    const found = byValues.get(key);
    if (found === undefined) {
      created.push(partition);
      continue;
    }
    const merged = mergePartitionInput(found, partition);
    if (documentText(merged) !== documentText(found)) updated.push(merged);
  }
  const deleted = [...byValues].flatMap(([key, found]) => (wantedKeys.has(key) ? [] : [found]));
  return {
    created,
    updated,
    deleted,
    changed: created.length + updated.length + deleted.length > 0,
    changes: { created: created.length, updated: updated.length, deleted: deleted.length },
    found: (partition) => byValues.get(valuesKey(partition)) ?? null,
  };
}

function valuesKey(partition: PartitionInput): string {
  return JSON.stringify(partition.Values);
}
