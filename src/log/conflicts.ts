/**
 * Whether a transaction may still be committed after others were. PROTOCOL.md does not settle this; the rules and
 * their order are those of Spark's conflict checker under the isolation level `Serializable`, which is the only one
 * it accepts for a table. What was read is compared more finely: file by file, by partition values and statistics.
 */

import { unreachable } from '../base/index.ts';
import type { Action, AddFile } from './actions.ts';
import { changesData } from './commit-info.ts';
import { pathKey } from './file-key.ts';

/** A commit that came first. */
export interface WinnerCommit {
  readonly version: number;
  readonly actions: readonly Action[];
}

/** What the transaction read, as far as the rules ask. */
export type ReadScope =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'table' }
  | {
      readonly kind: 'rows';
      /** False only where the file certainly holds no row that the transaction would have read. */
      readonly mayHold: (file: AddFile) => boolean;
      /** Files that were read, as the log spells them. */
      readonly paths: ReadonlySet<string>;
    };

export interface Attempt {
  readonly reads: ReadScope;
  readonly actions: readonly Action[];
  /** Applications whose last transaction was looked up. */
  readonly readAppIds: ReadonlySet<string>;
}

export type ConflictCode =
  | 'CONFLICT_PROTOCOL'
  | 'CONFLICT_METADATA'
  | 'CONFLICT_DOMAIN'
  | 'CONFLICT_TRANSACTION'
  | 'CONFLICT_APPEND'
  | 'CONFLICT_DELETE_READ'
  | 'CONFLICT_DELETE_DELETE';

export interface Conflict {
  readonly code: ConflictCode;
  /** One sentence for people: which version did what. */
  readonly reason: string;
}

/** The first rule that a winner breaks, in the order of their versions, or null. */
export function findConflict(attempt: Attempt, winners: readonly WinnerCommit[]): Conflict | null {
  const mine = footprint(attempt);
  for (const winner of winners) {
    const conflict = conflictWith(attempt, mine, winner);
    if (conflict !== null) return conflict;
  }
  return null;
}

/** What of the attempt's own actions the rules look at, gathered once. */
interface Footprint {
  readonly changesProtocol: boolean;
  readonly domains: ReadonlySet<string>;
  readonly removed: ReadonlySet<string>;
  readonly read: ReadonlySet<string>;
  /** A mere rearrangement misses no rows when others append. */
  readonly onlyRearranges: boolean;
}

function footprint(attempt: Attempt): Footprint {
  const domains = new Set<string>();
  const removed = new Set<string>();
  let fileCount = 0;
  for (const action of attempt.actions) {
    if (action.kind === 'domainMetadata') domains.add(action.domainMetadata.domain);
    if (action.kind === 'remove') removed.add(pathKey(action.remove.path));
    if (action.kind === 'add' || action.kind === 'remove') fileCount += 1;
  }
  const paths = attempt.reads.kind === 'rows' ? attempt.reads.paths : [];
  return {
    changesProtocol: attempt.actions.some((action) => action.kind === 'protocol'),
    domains,
    removed,
    read: new Set(Array.from(paths, pathKey)),
    onlyRearranges: fileCount > 0 && !attempt.actions.some(changesData),
  };
}

function conflictWith(attempt: Attempt, mine: Footprint, winner: WinnerCommit): Conflict | null {
  let found: Conflict | null = null;
  let foundRank = RANK.length;
  for (const action of winner.actions) {
    const conflict = conflictOf(attempt, mine, action, winner.version);
    if (conflict === null) continue;
    const rank = RANK.indexOf(conflict.code);
    if (rank < foundRank) {
      found = conflict;
      foundRank = rank;
    }
  }
  return found;
}

/** Of several conflicts with one winner, the first of these is told. */
const RANK: readonly ConflictCode[] = [
  'CONFLICT_PROTOCOL',
  'CONFLICT_METADATA',
  'CONFLICT_DOMAIN',
  'CONFLICT_TRANSACTION',
  'CONFLICT_APPEND',
  'CONFLICT_DELETE_READ',
  'CONFLICT_DELETE_DELETE',
];

function conflictOf(
  attempt: Attempt,
  mine: Footprint,
  action: Action,
  version: number,
): Conflict | null {
  const by = `version ${version}`;
  switch (action.kind) {
    case 'protocol':
      return mine.changesProtocol
        ? { code: 'CONFLICT_PROTOCOL', reason: `${by} changed the protocol, and so would this` }
        : null;
    case 'metaData':
      return { code: 'CONFLICT_METADATA', reason: `${by} changed the schema or the properties` };
    case 'domainMetadata': {
      const { domain } = action.domainMetadata;
      return mine.domains.has(domain)
        ? {
            code: 'CONFLICT_DOMAIN',
            reason: `${by} changed the domain ${domain}, and so would this`,
          }
        : null;
    }
    case 'txn':
      return attempt.readAppIds.has(action.txn.appId)
        ? {
            code: 'CONFLICT_TRANSACTION',
            reason: `${by} committed version ${action.txn.version} of application ${action.txn.appId}`,
          }
        : null;
    case 'add':
      return action.add.dataChange && !mine.onlyRearranges && wouldRead(attempt.reads, action.add)
        ? {
            code: 'CONFLICT_APPEND',
            reason: `${by} added ${action.add.path}, which may hold rows that were to be read`,
          }
        : null;
    case 'remove':
      return removeConflict(attempt.reads, mine, action.remove.path, by);
    case 'commitInfo':
    case 'cdc':
    case 'unknown':
      return null;
    default:
      return unreachable(action);
  }
}

function wouldRead(reads: ReadScope, file: AddFile): boolean {
  return reads.kind === 'table' || (reads.kind === 'rows' && reads.mayHold(file));
}

function removeConflict(
  reads: ReadScope,
  mine: Footprint,
  path: string,
  by: string,
): Conflict | null {
  const key = pathKey(path);
  if (reads.kind === 'table' || mine.read.has(key)) {
    return { code: 'CONFLICT_DELETE_READ', reason: `${by} removed ${path}, which was read` };
  }
  return mine.removed.has(key)
    ? { code: 'CONFLICT_DELETE_DELETE', reason: `${by} removed ${path}, and so would this` }
    : null;
}
