/** How strictly transactions of a table are held apart. */

import type { IsolationLevel, Metadata } from '../log/index.ts';

const LEVELS: readonly IsolationLevel[] = [
  'Serializable',
  'WriteSerializable',
  'SnapshotIsolation',
];

/**
 * What the writer chose, or else what `delta.isolationLevel` says, in any case of letters, as Spark reads it; it lets
 * nobody set anything but `Serializable`, the default, which stands also for a level that nobody knows.
 */
export function isolationLevel(
  metadata: Metadata,
  chosen: IsolationLevel | undefined,
): IsolationLevel {
  if (chosen !== undefined) return chosen;
  const told = metadata.configuration['delta.isolationLevel']?.toLowerCase();
  return LEVELS.find((level) => level.toLowerCase() === told) ?? 'Serializable';
}
