/**
 * The state of a table at one version, and how commits change it. PROTOCOL.md, "Action Reconciliation": the newest
 * protocol, metadata, transaction and domain win; a path has one live file at most; a remove cancels the add with
 * the same path and deletion vector.
 */

import type {
  Action,
  AddFile,
  CommitInfo,
  DomainMetadata,
  Metadata,
  Protocol,
  RemoveFile,
  Txn,
} from './actions.ts';
import type { AddLine } from './add-line.ts';
import { parseCommit, visitCommit } from './codec.ts';
import { logIncomplete } from './errors.ts';
import type { FileColumns } from './file-columns.ts';
import { pathKey, vectorId } from './file-key.ts';
import { type FileDraft, FileSet } from './file-set.ts';
import { LayeredDraft, LayeredMap } from './layered-map.ts';

/** Never changes; `Replay` makes the next one. */
export interface LogState {
  readonly version: number;
  readonly protocol: Protocol;
  readonly metadata: Metadata;
  readonly files: FileSet;
  /** Removed files by path and deletion vector, for as long as a checkpoint must carry them. */
  readonly tombstones: LayeredMap<RemoveFile>;
  /** By application. */
  readonly txns: LayeredMap<Txn>;
  /** By name; removed ones are not there. */
  readonly domains: LayeredMap<DomainMetadata>;
  /** Of the commit at `version`; null where that commit was not read or has none. */
  readonly commitInfo: CommitInfo | null;
  /** What the writers of those commits that were read call themselves (`engineInfo`); none of what a checkpoint stands for. */
  readonly engines: ReadonlySet<string>;
}

/** A table has few writers; one whose name is another each time is not to be counted. */
const ENGINES_MAX = 100;

/** Takes a checkpoint's actions, then commits in the order of their versions, and makes the state of the last. */
export class Replay {
  readonly #start: LogState | null;
  #protocol: Protocol | null;
  #metadata: Metadata | null;
  #commitInfo: CommitInfo | null = null;
  readonly #engines: Set<string>;
  readonly #files: FileDraft;
  readonly #tombstones: LayeredDraft<RemoveFile>;
  readonly #txns: LayeredDraft<Txn>;
  readonly #domains: LayeredDraft<DomainMetadata>;

  /** From an empty log, or on from a state. */
  constructor(start: LogState | null) {
    this.#start = start;
    this.#protocol = start?.protocol ?? null;
    this.#metadata = start?.metadata ?? null;
    this.#engines = new Set(start?.engines);
    this.#files = (start?.files ?? FileSet.empty()).draft();
    this.#tombstones = new LayeredDraft(start?.tombstones ?? LayeredMap.empty());
    this.#txns = new LayeredDraft(start?.txns ?? LayeredMap.empty());
    this.#domains = new LayeredDraft(start?.domains ?? LayeredMap.empty());
  }

  /** One commit: all its actions. */
  commit(actions: readonly Action[]): void {
    this.#commitInfo = null;
    this.apply(actions);
  }

  /** One commit as the bytes of its file, which errors name. Errors: those of `parseCommit`; then the replay is over. */
  commitBytes(bytes: Uint8Array, file: string): void {
    if (!this.#files.isLong) {
      this.commit(parseCommit(bytes, file));
      return;
    }
    this.#commitInfo = null;
    visitCommit(bytes, file, {
      line: (line, buffer, view) => this.#addLine(line, buffer, view),
      action: (action) => this.#apply(action),
    });
  }

  /** The files of a checkpoint that come in columns; before the first commit, as `apply`. */
  columns(columns: FileColumns): void {
    this.#files.start(columns);
  }

  /** Some actions of a checkpoint; all of them must have been given before the first commit is. */
  apply(actions: Iterable<Action>): void {
    for (const action of actions) this.#apply(action);
  }

  /** The state after what was given, as of `version`. `LOG_INCOMPLETE` without a protocol or metadata. */
  finish(version: number): LogState {
    if (this.#protocol === null) throw logIncomplete(version, 'protocol');
    if (this.#metadata === null) throw logIncomplete(version, 'metaData');
    return {
      version,
      protocol: this.#protocol,
      metadata: this.#metadata,
      files: this.#files.finish(),
      tombstones: this.#tombstones.finish(),
      txns: this.#txns.finish(),
      domains: this.#domains.finish(),
      commitInfo: this.#start?.version === version ? this.#start.commitInfo : this.#commitInfo,
      engines: this.#engines,
    };
  }

  #apply(action: Action): void {
    switch (action.kind) {
      case 'add':
        this.#add(action.add);
        break;
      case 'remove':
        this.#remove(action.remove);
        break;
      case 'txn':
        this.#txns.set(action.txn.appId, action.txn);
        break;
      case 'metaData':
        this.#metadata = action.metaData;
        break;
      case 'protocol':
        this.#protocol = action.protocol;
        break;
      case 'domainMetadata': {
        const { domain, removed } = action.domainMetadata;
        this.#domains.set(domain, removed ? null : action.domainMetadata);
        break;
      }
      case 'commitInfo':
        this.#commitInfo = action.commitInfo;
        this.#noteEngine(action.commitInfo);
        break;
      case 'cdc':
      case 'unknown':
        break;
    }
  }

  #noteEngine({ engineInfo }: CommitInfo): void {
    if (typeof engineInfo === 'string' && this.#engines.size < ENGINES_MAX) {
      this.#engines.add(engineInfo);
    }
  }

  #add(file: AddFile): void {
    const key = pathKey(file.path);
    this.#files.add(key, file);
    this.#tombstones.set(tombstoneKey(key, file), null);
  }

  #addLine(line: AddLine, bytes: Buffer, view: DataView): boolean {
    if (!this.#files.addLine(line, bytes, view)) return false;
    if (!this.#tombstones.isEmpty) {
      this.#tombstones.set(pathKey(bytes.toString('utf8', line.pathStart, line.pathEnd)), null);
    }
    return true;
  }

  #remove(file: RemoveFile): void {
    const key = pathKey(file.path);
    this.#files.remove(key, file);
    this.#tombstones.set(tombstoneKey(key, file), file);
  }
}

function tombstoneKey(key: string, file: AddFile | RemoveFile): string {
  return file.deletionVector === undefined ? key : `${key}\u0000${vectorId(file.deletionVector)}`;
}
