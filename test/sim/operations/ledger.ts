/**
 * What happened to a table of real files: each commit as it was decided, whose it was, and whether anything is deleted that
 * somebody may still need.
 */

import {
  type DeletionVectorDescriptor,
  LOG_FOLDER,
  parseLogFileName,
} from '../../../src/log/index.ts';
import type { Write } from '../objects.ts';
import {
  type Json,
  member,
  pathOf,
  stateAfter,
  stateText,
  type TableState,
  vectorOf,
  Violation,
} from '../table-state.ts';
import { Contents, type FileVersion, vectorPath } from './contents.ts';
import type { Change, SimRow } from './rows.ts';

/** How an operation ended, as far as its process was told. */
export type Told = 'running' | 'committed' | 'unchanged' | 'refused' | 'unknown';

export interface Operation {
  readonly id: string;
  readonly verb: string;
  /** What it means to do to the rows; null where they are to stay as they are. */
  readonly change: Change | null;
  /** Rows that it takes out of older versions too, and in several steps; null for all that do not. */
  readonly erases: ((row: SimRow) => boolean) | null;
  /** The version that it began on, and the newest when it ended. */
  readonly from: number;
  until: number;
  told: Told;
  /** Where its change is in the table. */
  version: number | null;
}

export interface LedgerVersion extends TableState {
  readonly sinceMs: number;
  /** Whose change of rows it is; null where it is nobody's. */
  readonly operation: Operation | null;
  /** All that a reader of the log sees. */
  readonly text: string;
  readonly live: readonly FileVersion[];
  /** Files without which its rows cannot be read. */
  readonly needs: ReadonlySet<string>;
  /** Files of what it changed. */
  readonly changes: ReadonlySet<string>;
}

export interface LedgerOptions {
  readonly nowMs: () => number;
  readonly isThere: (path: string) => boolean;
  readonly note: (what: string) => void;
  readonly retentionMs: number;
  readonly logRetentionMs: number;
}

/** Commits of these leave the rows as they are, whoever makes them, and so do those without files. */
const KEEPING = new Set(['OPTIMIZE', 'REORG']);
const DAY_MS = 86_400_000;
const MANIFEST = /^_symlink_format_manifest\/(?:.*\/)?manifest$/;

export class Ledger {
  readonly versions: LedgerVersion[] = [];
  readonly operations = new Map<string, Operation>();
  readonly contents = new Contents();
  /** Files that were deleted for the rows in them, by who did it. */
  readonly erased = new Map<string, Operation>();
  /** What broke first, whoever was told of it. */
  failure: unknown = null;
  readonly #options: LedgerOptions;
  /** Versions before may have left the log with what was erased. */
  #erasedBefore = 0;
  readonly #parts = new Map<string, string | null>();
  readonly #vectors = new Map<string, DeletionVectorDescriptor>();
  /** What each manifest names. */
  readonly #published = new Map<string, ReadonlySet<string>>();

  constructor(options: LedgerOptions) {
    this.#options = options;
  }

  get latest(): LedgerVersion | null {
    return this.versions.at(-1) ?? null;
  }

  at(version: number): LedgerVersion {
    const found = this.versions[version];
    if (found === undefined) throw new Violation(`version ${version} does not exist`);
    return found;
  }

  /** When the version was not the newest any more. */
  endMs(version: number): number {
    return this.versions[version + 1]?.sinceMs ?? Number.POSITIVE_INFINITY;
  }

  /** The first version that was the newest within so much time, and that the log still has to have. */
  firstSince(spanMs: number): number {
    const sinceMs = this.#options.nowMs() - spanMs;
    const found = this.versions.findIndex(({ version }) => this.endMs(version) >= sinceMs);
    return Math.max(found, this.firstInLog());
  }

  /** Versions before may not be in the log any more. */
  firstInLog(): number {
    const { nowMs, logRetentionMs } = this.#options;
    const sinceMs = Math.floor((nowMs() - logRetentionMs) / DAY_MS) * DAY_MS;
    const found = this.versions.findIndex((it) => it.sinceMs >= sinceMs);
    const first = found === -1 ? Math.max(0, this.versions.length - 1) : found;
    return Math.max(first, this.#erasedBefore);
  }

  /** Whether files of a version were erased. */
  isErased(version: number): boolean {
    return [...this.at(version).needs].some((path) => this.erased.has(path));
  }

  begin(operation: Pick<Operation, 'verb' | 'change' | 'erases' | 'from'>): Operation {
    const id = `${operation.verb} ${this.operations.size}`;
    const begun: Operation = { ...operation, id, until: 0, told: 'running', version: null };
    this.operations.set(id, begun);
    return begun;
  }

  /** `version`: where its process was told that the change is. */
  tell(operation: Operation, told: Told, version: number | null = null): void {
    const { id } = operation;
    operation.told = told;
    operation.until = this.latest?.version ?? 0;
    this.#options.note(`${id} ${told}`);
    if (operation.erases !== null) return;
    if (told === 'committed' && operation.change !== null && operation.version !== version) {
      throw new Violation(
        `${id} was told it is version ${version}, and it is ${operation.version}`,
      );
    }
    if ((told === 'refused' || told === 'unchanged') && operation.version !== null) {
      throw new Violation(`${id} was told it is ${told}, and is version ${operation.version}`);
    }
  }

  /** Told of each write before its effect. */
  wrote(write: Write): void {
    try {
      this.#judge(write);
    } catch (error) {
      this.failure ??= error;
      throw error;
    }
  }

  #judge({ path, bytes, before, task }: Write): void {
    if (MANIFEST.test(path)) {
      if (bytes === null) this.#published.delete(path);
      else this.#published.set(path, namedIn(bytes));
    } else if (path.startsWith(`${LOG_FOLDER}/`)) {
      const name = parseLogFileName(path.slice(LOG_FOLDER.length + 1));
      if (name?.kind !== 'commit') return;
      if (bytes === null) this.#cleanedUp(name.version, task);
      else if (before !== null) throw new Violation(`version ${name.version} was written again`);
      else this.#commit(name.version, bytes, task);
    } else if (!path.startsWith('_symlink')) {
      if (bytes === null) this.#deleted(path, task);
      else if (before === null) this.contents.wrote(path, bytes);
      else throw new Violation(`${path} was written again`);
    }
  }

  #cleanedUp(version: number, task: string | null): void {
    const latest = this.latest?.version ?? 0;
    if (version < latest && this.#eraser(task) !== null) {
      // Which version it keeps the log from is known when it is done, and those before may be gone in part.
      this.#erasedBefore = latest;
      return;
    }
    if (version < this.firstInLog()) return;
    throw new Violation(`version ${version} left the log before its time`);
  }

  #commit(version: number, bytes: Uint8Array, task: string | null): void {
    const before = this.latest ?? undefined;
    if (version !== this.versions.length) throw new Violation(`version ${version} is not the next`);
    const lines = new TextDecoder().decode(bytes).trimEnd().split('\n');
    const actions = lines.map((line) => JSON.parse(line) as Json);
    const state = stateAfter(before, { version, actions, rowCount: () => 0 });
    const { changes, added } = this.#learn(actions);
    const operation = this.#claim(actions, task, version);
    const live = Array.from(state.files, ([path, { vector }]) => this.#fileOf(path, vector));
    const needs = new Set(live.flatMap((file) => [file.path, ...vectorsOf(file)]));
    for (const path of [...added, ...changes]) {
      if (this.#options.isThere(path)) continue;
      throw new Violation(`version ${version} (${task}) names ${path}, which is not there`);
    }
    const sinceMs = this.#options.nowMs();
    const text = stateText(state);
    this.versions.push({ ...state, sinceMs, operation, text, live, needs, changes });
    this.#options.note(`version ${version} ${task}`);
  }

  /** Remembers what the state of a table does not tell of its files. */
  #learn(actions: readonly Json[]): {
    readonly changes: ReadonlySet<string>;
    readonly added: readonly string[];
  } {
    const changes = new Set<string>();
    const added: string[] = [];
    for (const action of actions) {
      const [add, cdc] = [member(action, 'add'), member(action, 'cdc')];
      if (cdc !== null) changes.add(pathOf(cdc));
      if (add === null) continue;
      const path = pathOf(add);
      const part = member(add, 'partitionValues')?.['part'];
      this.#parts.set(path, typeof part === 'string' ? part : null);
      const vector = descriptorOf(add);
      if (vector !== null) this.#vectors.set(vectorOf(add), vector);
      added.push(path, ...vectorsOf({ vector }));
    }
    return { changes, added };
  }

  /** Whose change of rows a commit is: each operation has one at most. */
  #claim(actions: readonly Json[], task: string | null, version: number): Operation | null {
    const info = actions.map((action) => member(action, 'commitInfo')).find((it) => it !== null);
    const hasFiles = actions.some((action) => 'add' in action || 'remove' in action);
    if (!hasFiles || KEEPING.has(String(info?.['operation']))) return null;
    const operation = this.operations.get(task ?? '');
    if (operation === undefined || operation.change === null) {
      throw new Violation(`nobody meant to do what is version ${version} (${task})`);
    }
    const { id, told } = operation;
    if (operation.version !== null && operation.erases === null) {
      throw new Violation(`${id} is version ${operation.version} and ${version}`);
    }
    if (told === 'refused' || told === 'unchanged') {
      throw new Violation(`${id} became version ${version} after it was told that it is ${told}`);
    }
    operation.version = version;
    return operation;
  }

  #eraser(task: string | null): Operation | null {
    const operation = this.operations.get(task ?? '');
    return operation === undefined || operation.erases === null ? null : operation;
  }

  #fileOf(path: string, vectorId: string): FileVersion {
    const vector = this.#vectors.get(vectorId) ?? null;
    return { path, part: this.#parts.get(path) ?? null, vector };
  }

  /** No file goes that the table, a version within the retention, or a manifest has. */
  #deleted(path: string, task: string | null): void {
    const eraser = this.#eraser(task);
    if (eraser !== null && this.latest?.needs.has(path) !== true) {
      // What it wrote itself for a commit that did not come about, nobody names.
      const isNamed = this.versions.some((it) => it.needs.has(path) || it.changes.has(path));
      if (isNamed) this.erased.set(path, eraser);
      return;
    }
    const sinceMs = this.#options.nowMs() - this.#options.retentionMs;
    for (const { version, needs, changes, sinceMs: fromMs } of this.versions.toReversed()) {
      if (this.endMs(version) < sinceMs) break;
      if (!needs.has(path) && (!changes.has(path) || fromMs < sinceMs)) continue;
      const of = version === this.latest?.version ? 'live' : `of version ${version}`;
      throw new Violation(`${task} deletes ${path}, which is ${of}`);
    }
    for (const [manifest, paths] of this.#published) {
      if (paths.has(path)) throw new Violation(`${task} deletes ${path}, which ${manifest} names`);
    }
  }
}

function descriptorOf(add: Json): DeletionVectorDescriptor | null {
  return member(add, 'deletionVector') as DeletionVectorDescriptor | null;
}

function vectorsOf({ vector }: Pick<FileVersion, 'vector'>): readonly string[] {
  const path = vector === null ? null : vectorPath(vector);
  return path === null ? [] : [path];
}

function namedIn(manifest: Uint8Array): ReadonlySet<string> {
  const lines = new TextDecoder().decode(manifest).split('\n');
  return new Set(lines.map((line) => line.replace('sim://table/', '')));
}
