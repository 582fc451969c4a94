/** What an erase tells: what was searched, what went, and what is left. */

import type { ObjectMeta } from '../../store/index.ts';
import type { Snapshot } from '../types.ts';
import type { FileKind, Survey, VersionRange } from './erase-files.ts';

/** Files of one kind, as they stand in their storage: rows that deletion vectors hide count. */
export type SearchedFiles = {
  /**
   * `live`: of the newest version; `older`: of older ones alone; `changes`: of changed rows; `orphan`: of no version that the log
   * knows, as writers that failed leave them.
   */
  readonly kind: FileKind;
  /** The first and the last version that reads one of them; null for orphans. */
  readonly versions: VersionRange | null;
  readonly fileCount: number;
  readonly sizeBytes: number;
  /** Files with matching rows. */
  readonly matchedFileCount: number;
  /** Rows that match. */
  readonly rowCount: number;
  /** Files that lack a column of the condition, which counts as null: where it had another name or meaning once, look there too. */
  readonly partialCount: number;
};

/** Something that holds such rows, speaks of them, or may. */
export type EraseLeft = {
  /** The key below the table. */
  readonly path: string;
  readonly why: string;
  /** From when on another erase can delete it, in milliseconds since the epoch; null where time alone changes nothing. */
  readonly untilMs: number | null;
};

export interface EraseResult {
  /** `planned`: a dry run, with what would be done. */
  readonly kind: 'erased' | 'planned';
  /** The table as it is now. */
  readonly snapshot: Snapshot;
  /** Whether nothing is left: no file holds such a row, and no file of the log speaks of one that did. */
  readonly clean: boolean;
  readonly before: readonly SearchedFiles[];
  /** Found by listing and searching all files once more; as `before` for a dry run. */
  readonly after: readonly SearchedFiles[];
  /** Keys of files that were written again without the rows, or would be; they are deleted too. */
  readonly rewritten: readonly string[];
  /** Keys of files that were deleted, or would be. */
  readonly deleted: readonly string[];
  /** Versions that could be opened and cannot be read any more, or would not be. */
  readonly versionsLost: readonly VersionRange[];
  /** Versions whose change data cannot be read any more, beside those. */
  readonly changesLost: readonly VersionRange[];
  readonly log: {
    /** Files of the log that were searched. */
    readonly searchedCount: number;
    /** Parts of it that spoke of such files before, and do now. */
    readonly quotingBefore: number;
    readonly quotingAfter: number;
    /** Files of the log that were deleted. */
    readonly deleted: readonly string[];
  };
  readonly left: readonly EraseLeft[];
  /** Folders of other tables below this one, which were not looked into. */
  readonly tables: readonly string[];
  /** As in `CommitOutcome`. */
  readonly postCommitErrors: readonly Error[];
}

const KINDS: readonly FileKind[] = ['live', 'older', 'changes', 'orphan'];

export function searchedFiles({ files }: Survey): readonly SearchedFiles[] {
  return KINDS.flatMap((kind) => {
    const own = files.filter((file) => file.kind === kind);
    if (own.length === 0) return [];
    const matched = own.map(({ searched }) => (searched.kind === 'rows' ? searched.matchCount : 0));
    return [
      {
        kind,
        versions: spanOf(own.flatMap(({ ranges }) => ranges)),
        fileCount: own.length,
        sizeBytes: sizeOf(own.map(({ meta }) => meta)),
        matchedFileCount: matched.filter((count) => count > 0).length,
        rowCount: matched.reduce((sum, count) => sum + count, 0),
        partialCount: own.filter(({ searched }) => searched.kind === 'rows' && searched.isPartial)
          .length,
      },
    ];
  });
}

/** Ranges as few as they can be, rising. */
export function mergedRanges(ranges: readonly VersionRange[]): readonly VersionRange[] {
  const merged: VersionRange[] = [];
  for (const range of ranges.toSorted((a, b) => a.from - b.from)) {
    const last = merged.at(-1);
    if (last === undefined || range.from > last.to + 1) merged.push(range);
    else merged[merged.length - 1] = { from: last.from, to: Math.max(last.to, range.to) };
  }
  return merged;
}

function spanOf([first, ...others]: readonly VersionRange[]): VersionRange | null {
  if (first === undefined) return null;
  return others.reduce(
    (span, { from, to }) => ({ from: Math.min(span.from, from), to: Math.max(span.to, to) }),
    first,
  );
}

function sizeOf(objects: readonly ObjectMeta[]): number {
  return objects.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}
