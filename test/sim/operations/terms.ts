/** What table a seed of operations is about, and how time passes on it. */

import type { Random } from '../../../src/base/index.ts';
import { chooseFaults, type Faults } from '../faults.ts';

export interface OperationTerms {
  readonly isPartitioned: boolean;
  /** Rows that it begins with: many where deletion vectors are to be files. */
  readonly rowCount: number;
  readonly properties: Readonly<Record<string, string>>;
  /** Somebody erases rows from all versions: so nobody restores any, and old ones cannot all be read. */
  readonly erases: boolean;
  /** Clocks of processes differ by so much at most. */
  readonly skewMsMax: number;
}

/** From one rush of operations to the next. */
export const EPOCH_MS = 16 * 3_600_000;
export const EPOCHS = 4;
/** So that what the first epoch removed is deleted in the third, and a reader may stay for an epoch. */
export const RETENTION_MS = 24 * 3_600_000;
export const LOG_RETENTION_MS = 30 * 3_600_000;

export function chooseOperationTerms(random: Random): OperationTerms {
  const chance = (share: number): boolean => random.float() < share;
  const hasManifest = chance(0.25);
  const hasVectors = !hasManifest && chance(0.45);
  const properties: Readonly<Record<string, string | false>> = {
    'delta.deletedFileRetentionDuration': 'interval 24 hours',
    'delta.logRetentionDuration': 'interval 30 hours',
    'delta.checkpointInterval': chance(0.6) ? '4' : '100',
    'delta.enableDeletionVectors': hasVectors && 'true',
    'delta.compatibility.symlinkFormatManifest.enabled': hasManifest && 'true',
    'delta.enableChangeDataFeed': chance(0.2) && 'true',
    'delta.enableInCommitTimestamps': chance(0.2) && 'true',
    'delta.autoOptimize.autoCompact': chance(0.1) && 'true',
    'deltawright.logCompactionInterval': chance(0.2) && '3',
  };
  const chosen: Record<string, string> = {};
  for (const [name, value] of Object.entries(properties)) {
    if (value !== false) chosen[name] = value;
  }
  return {
    isPartitioned: chance(0.5),
    rowCount: hasVectors && chance(0.4) ? 2_000 : 10,
    properties: chosen,
    erases: chance(0.25),
    skewMsMax: chance(0.5) ? 3_000 : 0,
  };
}

/** Fewer than where a transaction is one request: an operation makes dozens, and must come to its end now and then. */
export function chooseOperationFaults(random: Random): Faults {
  const faults = chooseFaults(random);
  return {
    ...faults,
    fail: faults.fail / 6,
    loseAnswer: faults.loseAnswer / 6,
    loseRequest: faults.loseRequest / 6,
    late: faults.late / 6,
    crash: faults.crash / 5,
  };
}
