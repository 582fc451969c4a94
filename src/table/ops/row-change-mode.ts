/** Whether rows change by files written again, or by deletion vectors. */

import { featureUnsupported, isOn, supportsFeature } from '../../log/index.ts';
import { isManifestEnabled } from '../properties.ts';
import type { Snapshot } from '../types.ts';

/** By files written again, or by vectors that hide rows of files that stay. */
export type RowChangeMode = 'copy-on-write' | 'deletion-vectors';

/**
 * How an operation changes rows of a table: as it is asked to, else as the table says. Errors: `FEATURE_UNSUPPORTED` where its
 * protocol has no vectors or its manifest cannot show them, and they are asked for.
 */
export function modeOf(
  { protocol, metadata }: Pick<Snapshot, 'protocol' | 'metadata'>,
  operation: string,
  mode: RowChangeMode | undefined,
): RowChangeMode {
  const hasVectors = supportsFeature(protocol, 'deletionVectors');
  const canHide = hasVectors && !isManifestEnabled(metadata);
  if (mode === 'deletion-vectors' && !canHide) {
    const cure = hasVectors
      ? 'its symlink manifest cannot show them: leave the mode out, and files are written again'
      : 'enable the feature deletionVectors first, or leave the mode out, and files are written again';
    throw featureUnsupported('write', ['deletionVectors'], { operation }, cure);
  }
  const isWanted = canHide && isOn(metadata, 'delta.enableDeletionVectors');
  return mode ?? (isWanted ? 'deletion-vectors' : 'copy-on-write');
}
