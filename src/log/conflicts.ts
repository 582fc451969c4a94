/**
 * Whether a transaction may still be committed after others were. PROTOCOL.md does not settle this; the rules and
 * their order are those of Spark's conflict checker. What was read is compared more finely: file by file, by partition
 * values and statistics.
 */

import { unreachable } from '../base/index.ts';
import type { Action, AddFile, Metadata, Protocol } from './actions.ts';
import { changesData } from './commit-info.ts';
import { metadataObstacle, protocolObstacle } from './concurrent-change.ts';
import { pathKey, vectorId } from './file-key.ts';
import { isRowTrackingEnabled, movesRows, ROW_TRACKING_DOMAIN } from './row-tracking.ts';
import type { LogState } from './state.ts';

/** A commit that came first. */
export interface WinnerCommit {
  readonly version: number;
  readonly actions: readonly Action[];
}

/**
 * How much of what others did meanwhile a transaction must have seen. `Serializable`: all that it would have read.
 * `WriteSerializable`: all but what was appended blindly. `SnapshotIsolation`: only what takes away what it read.
 */
export type IsolationLevel = 'Serializable' | 'WriteSerializable' | 'SnapshotIsolation';

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
      /** The condition for people, asked for only where it is told of. */
      readonly printed?: () => string;
    };

export interface Attempt {
  readonly reads: ReadScope;
  readonly actions: readonly Action[];
  /** Applications whose last transaction was looked up. */
  readonly readAppIds: ReadonlySet<string>;
  /** Default `Serializable`. What only rearranges rows is held to `SnapshotIsolation` in any case. */
  readonly isolation?: IsolationLevel;
  /** The table right before the first of the winners; null for one that is being made. */
  readonly base: Pick<LogState, 'protocol' | 'metadata' | 'files'> | null;
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
  /** The winner's. */
  readonly version: number;
  /** The winner's, as its `commitInfo` has it; `''` where it has none. */
  readonly operation: string;
  /** The path, application, domain or property that is at stake; `''` where there is no one. */
  readonly subject: string;
}

/**
 * The first rule that a winner breaks, in the order of their versions, or null: then the attempt's actions lead, after
 * the winners, to the table that they would have led to had the work begun then. With `WriteSerializable` as if blind
 * appends of winners came behind the attempt: each commit has such an order, which need not be one and the same for all.
 */
export function findConflict(attempt: Attempt, winners: readonly WinnerCommit[]): Conflict | null {
  const mine = footprint(attempt);
  let table: Description | null = attempt.base;
  for (const winner of winners) {
    const found = conflictWith(mine, table, winner);
    if (found !== null) return named(found, winner);
    table = described(table, winner);
  }
  return null;
}

/** Whether a transaction takes rows from files to files and changes none. */
export function onlyRearranges(actions: readonly Action[]): boolean {
  const files = actions.filter(({ kind }) => kind === 'add' || kind === 'remove');
  return files.length > 0 && !files.some(changesData);
}

type Description = Readonly<{ protocol: Protocol; metadata: Metadata }>;

/** What of the attempt the rules look at, gathered once. */
interface Footprint {
  readonly reads: ReadScope;
  readonly readAppIds: ReadonlySet<string>;
  readonly isolation: IsolationLevel;
  readonly changesProtocol: boolean;
  readonly changesMetadata: boolean;
  readonly domains: ReadonlySet<string>;
  /** Files that it removes, or that were there and that it describes anew. */
  readonly rewritten: ReadonlySet<string>;
  readonly read: ReadonlySet<string>;
  readonly movesRows: () => boolean;
  /** The deletion vector that a file had when the attempt was made; null where there was no such file. */
  readonly vectorOf: (key: string) => string | null;
}

function footprint(attempt: Attempt): Footprint {
  const { actions, base, reads, readAppIds, isolation = 'Serializable' } = attempt;
  const domains = new Set<string>();
  const rewritten = new Set<string>();
  for (const action of actions) {
    if (action.kind === 'domainMetadata') domains.add(action.domainMetadata.domain);
    if (action.kind === 'remove') rewritten.add(pathKey(action.remove.path));
    if (action.kind === 'add') {
      const key = pathKey(action.add.path);
      if (base !== null && base.files.get(key) !== null) rewritten.add(key);
    }
  }
  // The mark is only ever raised, and is computed anew at each try.
  domains.delete(ROW_TRACKING_DOMAIN);
  return {
    reads,
    readAppIds,
    isolation: onlyRearranges(actions) ? 'SnapshotIsolation' : isolation,
    changesProtocol: actions.some(({ kind }) => kind === 'protocol'),
    changesMetadata: actions.some(({ kind }) => kind === 'metaData'),
    domains,
    rewritten,
    read: new Set(Array.from(reads.kind === 'rows' ? reads.paths : [], pathKey)),
    movesRows: () => base !== null && movesRows(actions, base),
    vectorOf: (key) => {
      const file = base?.files.get(key) ?? null;
      return file === null ? null : vectorId(file.deletionVector);
    },
  };
}

type Found = Pick<Conflict, 'code' | 'subject'> & { readonly did: string };

/** The first of the rules that one winner breaks. */
function conflictWith(
  mine: Footprint,
  table: Description | null,
  winner: WinnerCommit,
): Found | null {
  let found: Found | null = null;
  let foundRank = RANK.length;
  const addsMatter = mattersWhatWasAdded(mine, winner);
  for (const action of winner.actions) {
    const conflict =
      action.kind === 'add' && !addsMatter
        ? vectorConflict(mine, action.add)
        : conflictOf(mine, table, action);
    const rank = conflict === null ? RANK.length : RANK.indexOf(conflict.code);
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

function conflictOf(mine: Footprint, table: Description | null, action: Action): Found | null {
  switch (action.kind) {
    case 'protocol':
      return protocolConflict(mine, table, action.protocol);
    case 'metaData':
      return metadataConflict(mine, table, action.metaData);
    case 'domainMetadata': {
      const { domain } = action.domainMetadata;
      if (!mine.domains.has(domain)) return null;
      const did = `changed the domain ${domain}, and so would this`;
      return { code: 'CONFLICT_DOMAIN', subject: domain, did };
    }
    case 'txn': {
      const { appId, version } = action.txn;
      if (!mine.readAppIds.has(appId)) return null;
      const did = `committed version ${version} of application ${appId}`;
      return { code: 'CONFLICT_TRANSACTION', subject: appId, did };
    }
    case 'add':
      return appendConflict(mine, action.add) ?? vectorConflict(mine, action.add);
    case 'remove':
      return removeConflict(mine, action.remove.path);
    case 'commitInfo':
    case 'cdc':
    case 'unknown':
      return null;
    default:
      return unreachable(action);
  }
}

function protocolConflict(
  mine: Footprint,
  table: Description | null,
  protocol: Protocol,
): Found | null {
  const obstacle =
    mine.changesProtocol || table === null
      ? 'changed the protocol, and so would this'
      : protocolObstacle(table.protocol, protocol);
  return obstacle === null ? null : { code: 'CONFLICT_PROTOCOL', subject: '', did: obstacle };
}

function metadataConflict(
  mine: Footprint,
  table: Description | null,
  metadata: Metadata,
): Found | null {
  const obstacle =
    mine.changesMetadata || table === null
      ? 'changed the schema or the properties, and so would this'
      : (metadataObstacle(table.metadata, metadata) ??
        rowTrackingObstacle(mine, table.metadata, metadata));
  return obstacle === null ? null : { code: 'CONFLICT_METADATA', subject: '', did: obstacle };
}

/** Rows that were moved when nobody kept their ids yet would come without them to a table whose readers count on them. */
function rowTrackingObstacle(mine: Footprint, before: Metadata, after: Metadata): string | null {
  if (isRowTrackingEnabled(before) || !isRowTrackingEnabled(after) || !mine.movesRows())
    return null;
  return 'turned on row tracking, and this moves rows without their ids';
}

/** Blind appends may be taken to come after the attempt, unless it changes what they were written for. */
function mattersWhatWasAdded(mine: Footprint, winner: WinnerCommit): boolean {
  switch (mine.isolation) {
    case 'Serializable':
      return true;
    case 'WriteSerializable':
      return mine.changesMetadata || infoOf(winner)?.['isBlindAppend'] !== true;
    case 'SnapshotIsolation':
      return false;
    default:
      return unreachable(mine.isolation);
  }
}

function appendConflict({ reads }: Footprint, file: AddFile): Found | null {
  // Files that were only rearranged bring no row that was not there; where it was read, their removal tells.
  if (!file.dataChange || reads.kind === 'nothing') return null;
  if (reads.kind === 'rows' && !reads.mayHold(file)) return null;
  const where = reads.kind === 'rows' ? shortened(reads.printed?.() ?? '') : '';
  const rows = where === '' ? 'rows' : `rows with ${where}`;
  const did = `added ${file.path}, which may hold ${rows} that were to be read`;
  return { code: 'CONFLICT_APPEND', subject: file.path, did };
}

/** A file that is described anew with other deleted rows is another file, whether or not it was removed before. */
function vectorConflict(mine: Footprint, { path, deletionVector }: AddFile): Found | null {
  const key = pathKey(path);
  const before = mine.vectorOf(key);
  if (before === null || before === vectorId(deletionVector)) return null;
  return lostFile(mine, path, 'marked rows of', 'as deleted');
}

function removeConflict(mine: Footprint, path: string): Found | null {
  return lostFile(mine, path, 'removed', '');
}

function lostFile(mine: Footprint, path: string, verb: string, how: string): Found | null {
  const key = pathKey(path);
  const did = `${verb} ${path}${how === '' ? '' : ` ${how}`}`;
  if (mine.reads.kind === 'table' || mine.read.has(key)) {
    return { code: 'CONFLICT_DELETE_READ', subject: path, did: `${did}, which was read` };
  }
  return mine.rewritten.has(key)
    ? { code: 'CONFLICT_DELETE_DELETE', subject: path, did: `${did}, and so would this` }
    : null;
}

function described(table: Description | null, { actions }: WinnerCommit): Description | null {
  let next = table;
  for (const action of actions) {
    if (next === null) break;
    if (action.kind === 'protocol') next = { ...next, protocol: action.protocol };
    if (action.kind === 'metaData') next = { ...next, metadata: action.metaData };
  }
  return next;
}

function named({ code, subject, did }: Found, winner: WinnerCommit): Conflict {
  const told = infoOf(winner)?.['operation'];
  const operation = typeof told === 'string' ? told : '';
  const by = `version ${winner.version}${operation === '' ? '' : ` (${operation})`}`;
  return { code, reason: `${by} ${did}`, version: winner.version, operation, subject };
}

function infoOf({ actions }: WinnerCommit): Readonly<Record<string, unknown>> | null {
  const first = actions.find((action) => action.kind === 'commitInfo');
  return first?.kind === 'commitInfo' ? first.commitInfo : null;
}

/** Conditions made from thousands of keys are not for people. */
function shortened(text: string): string {
  return text.length <= 200 ? text : `${text.slice(0, 199)}…`;
}
