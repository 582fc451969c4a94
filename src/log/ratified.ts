/** A log whose newest commits a catalog knows. PROTOCOL.md, "Reading Catalog-managed Tables". */

import type { CommitFile, Listing } from './segment.ts';

/** What a catalog says of a table's commits. */
export interface Ratified {
  /** The newest version that is one. */
  readonly latestVersion: number;
  /** Commits that the catalog still keeps, whether or not they were published since. */
  readonly commits: readonly CommitFile[];
}

/**
 * The listing as it is to be read: the catalog's commits in place of published ones of their version, and nothing of
 * versions that are newer than the newest ratified one.
 */
export function withRatified(listing: Listing, ratified: Ratified): Listing {
  const { latestVersion } = ratified;
  const isKnown = ({ version }: { readonly version: number }): boolean => version <= latestVersion;
  const byVersion = new Map(
    [...listing.commits, ...ratified.commits].map((commit) => [commit.version, commit]),
  );
  return {
    commits: [...byVersion.values()].filter(isKnown).sort((a, b) => a.version - b.version),
    checkpoints: listing.checkpoints.filter(isKnown),
    compacted: listing.compacted.filter(({ endVersion }) => endVersion <= latestVersion),
    checksums: listing.checksums.filter((version) => version <= latestVersion),
  };
}
