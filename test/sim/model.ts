/**
 * What is true: the table as each commit leaves it at the moment that it is decided, held against what transactions meant
 * to do and what they were told.
 */

import type { IsolationLevel } from '../../src/log/index.ts';
import {
  DEMAND,
  type Json,
  type LiveFile,
  member,
  pathOf,
  sortedText,
  stateAfter,
  stateText,
  type TableState,
  vectorOf,
  Violation,
} from './table-state.ts';

export interface SimRow {
  readonly id: string;
  /** At most one live row has it; null for rows without. */
  readonly key: string | null;
  readonly part: string;
  readonly n: number;
}

/** What a transaction has seen of the table, to be still so where it is committed. */
export type Reads =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'table' }
  /** All rows of a partition, with some n if given; and these files. */
  | {
      readonly kind: 'rows';
      readonly part: string | null;
      readonly below: number | null;
      readonly paths: readonly string[];
    };

/** How an operation ended, as far as its process was told. */
export type Told = 'running' | 'committed' | 'refused' | 'unknown';

export interface Operation {
  readonly id: string;
  readonly reads: Reads;
  /** The version that it was made on. */
  readonly readVersion: number;
  /** Rows that it brings and takes away: all of them, unless it is rebased. */
  readonly inserts: readonly string[];
  readonly deletes: readonly string[];
  /** Files that it adds, unless it is rebased. */
  readonly paths: readonly string[];
  /** Whether it is looked at again, and may be changed, before it is committed behind others. */
  readonly isRebased: boolean;
  readonly isolation: IsolationLevel;
  told: Told;
}

export interface Version extends TableState {
  /** Who made it. */
  readonly operations: readonly Operation[];
  /** Rows and files that it brought without having read anything. */
  readonly blind: ReadonlySet<string>;
  /** All that a reader sees. */
  readonly text: string;
  /** When it was committed, and by what. */
  readonly sinceMs: number;
  readonly kind: string;
}

/** When something happened, and what its process was at. */
export interface Moment {
  readonly nowMs: number;
  readonly task: string | null;
}

/** How long files stay after they left the table, where tables have files. */
export const FILE_RETENTION_MS = 200;

/** What operations that share a commit say that they are. */
export const GROUP = 'group';

export class Model {
  readonly versions: Version[] = [];
  readonly operations = new Map<string, Operation>();
  readonly committedAt = new Map<string, number>();
  /** Versions that nobody may rely on any more. */
  firstRetained = 0;
  /** Files that a vacuum deleted while they were brought back, and versions that were committed without such. */
  readonly lost = new Set<string>();
  readonly broken = new Set<number>();
  readonly #deletedMs = new Map<string, number>();
  /** The versions in which vacuums said what they would delete. */
  readonly #vacuums = new Map<string, number>();
  /** The rows of each file that anyone has written. */
  readonly #rowsOf = new Map<string, readonly SimRow[]>();
  /** The ids of the rows that a deletion vector hides. */
  readonly #hiddenBy = new Map<string, ReadonlySet<string>>();
  readonly #makers = new Map<string, Operation>();

  get latest(): Version | null {
    return this.versions.at(-1) ?? null;
  }

  at(version: number): Version {
    const found = this.versions[version];
    if (found === undefined) throw new Violation(`version ${version} does not exist`);
    return found;
  }

  wrote(path: string, rows: readonly SimRow[]): void {
    this.#rowsOf.set(path, rows);
  }

  hides(vector: string, ids: ReadonlySet<string>): void {
    this.#hiddenBy.set(vector, ids);
  }

  begin(operation: Omit<Operation, 'told'>): Operation {
    const begun: Operation = { ...operation, told: 'running' };
    this.operations.set(operation.id, begun);
    for (const path of operation.paths) this.#makers.set(path, begun);
    return begun;
  }

  /** What its process was told of an operation. */
  tell(operation: Operation, told: Told, version: number | null = null): void {
    operation.told = told;
    const at = this.committedAt.get(operation.id);
    if (told === 'committed' && at !== version) {
      throw new Violation(
        `${operation.id} was told it is version ${String(version)}, and it is ${String(at)}`,
      );
    }
    if (told === 'refused' && at !== undefined) {
      throw new Violation(`${operation.id} was told it is not in the table, and is version ${at}`);
    }
  }

  /** When a version was not the newest any more. */
  endMs(version: number): number {
    return this.versions[version + 1]?.sinceMs ?? Number.POSITIVE_INFINITY;
  }

  /** The first version that was the newest at a time or after, and is still in the log. */
  firstSince(timeMs: number): number {
    const found = this.versions.findIndex(({ version }) => this.endMs(version) >= timeMs);
    return Math.max(found, this.firstRetained);
  }

  /** A file goes: no version may need it that was there when the vacuum said what it would delete. */
  checkDeleted(path: string, { nowMs, task }: Moment): void {
    this.#deletedMs.set(path, nowMs);
    const first = this.firstSince(nowMs - FILE_RETENTION_MS);
    const needed = this.versions.slice(first).filter(({ files }) => files.has(path));
    const known = needed.find(({ version }) => !this.#isRevived(path, version, task));
    if (known !== undefined) {
      const { version } = known;
      const of = version === this.latest?.version ? 'live' : `of version ${version}`;
      throw new Violation(`${path} was deleted, which is ${of}`);
    }
    if (needed.length > 0) this.lost.add(path);
  }

  /** Whether a restore has brought a file back that a vacuum had already said it would delete. */
  #isRevived(path: string, version: number, task: string | null): boolean {
    const before = this.versions.slice(0, version).findLast(({ files }) => !files.has(path));
    const came = this.versions[(before?.version ?? -1) + 1];
    const started = this.#vacuums.get(task ?? '') ?? Number.POSITIVE_INFINITY;
    return came?.kind === 'RESTORE' && came.version > started;
  }

  /** A commit names nothing that is not there; where a vacuum was faster than a restore, that one must say so. */
  checkFiles(version: number, isThere: (path: string) => boolean, task: string | null): void {
    const { kind, files } = this.at(version);
    const sinceMs = kind === 'RESTORE' ? Number(task?.split(' ').at(-1)) : Number.POSITIVE_INFINITY;
    for (const path of files.keys()) {
      if (isThere(path) || this.lost.has(path)) continue;
      if ((this.#deletedMs.get(path) ?? -1) < sinceMs) {
        throw new Violation(`version ${version} has ${path}, which is gone`);
      }
      this.lost.add(path);
      this.broken.add(version);
    }
  }

  /** A commit at the moment of its effect. */
  commit(version: number, text: string, { nowMs: sinceMs, task }: Moment): void {
    const before = this.latest;
    if (version !== (before?.version ?? -1) + 1) {
      throw new Violation(`version ${version} was written when ${this.versions.length} was next`);
    }
    const actions = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Json);
    const rowCount = (path: string): number => this.#written(path).length;
    const state = stateAfter(before ?? undefined, { version, actions, rowCount });
    const operations = this.#claim(actions, version);
    if (before !== null) for (const it of operations) this.#checkReads(it, before);
    this.#checkRows(state);
    const moved = this.#moved(actions);
    if (operations.length > 0) checkMoved(moved, operations, version);
    const info = actions.map((action) => member(action, 'commitInfo')).find((it) => it !== null);
    const kind = String(info?.['operation']);
    if (kind === 'RESTORE') this.#checkRestored(state, info ?? {});
    if (kind === 'VACUUM START') this.#vacuums.set(task ?? '', version);
    const isBlind =
      operations.length > 0 && operations.every(({ reads }) => reads.kind === 'nothing');
    this.versions.push({
      ...state,
      sinceMs,
      kind,
      operations,
      blind: isBlind ? new Set([...moved.come, ...moved.added]) : new Set(),
      text: stateText(state),
    });
  }

  /** Rows that were ever brought, as often as they were. */
  inserted(): readonly string[] {
    return [...this.committedAt.keys()].flatMap((id) => this.operations.get(id)?.inserts ?? []);
  }

  /** The rows of a file that its deletion vector does not hide. */
  rows(path: string, vector: string): readonly SimRow[] {
    const rows = this.#written(path);
    if (vector === '') return rows;
    const hidden = this.#hiddenBy.get(vector);
    if (hidden === undefined) throw new Violation(`nobody wrote the deletion vector ${vector}`);
    return rows.filter(({ id }) => !hidden.has(id));
  }

  #written(path: string): readonly SimRow[] {
    const rows = this.#rowsOf.get(path);
    if (rows === undefined) throw new Violation(`nobody wrote ${path}`);
    return rows;
  }

  /** The operations of a commit, each in no other one. */
  #claim(actions: readonly Json[], version: number): readonly Operation[] {
    const name = nameOf(actions);
    if (name === null) return [];
    const operations = name === GROUP ? this.#grouped(actions) : [this.operations.get(name)];
    return operations.map((operation) => {
      if (operation === undefined) throw new Violation(`nobody began what is version ${version}`);
      const { id, told } = operation;
      const at = this.committedAt.get(id);
      if (at !== undefined) throw new Violation(`${id} is version ${at} and ${version}`);
      if (told === 'refused') {
        throw new Violation(`${id} became version ${version} after it was told it did not`);
      }
      this.committedAt.set(id, version);
      return operation;
    });
  }

  #grouped(actions: readonly Json[]): readonly (Operation | undefined)[] {
    const makers = actions.flatMap((action) => {
      const add = member(action, 'add');
      return add === null ? [] : [this.#makers.get(pathOf(add))];
    });
    return [...new Set(makers)];
  }

  /** A table that was restored has the files of that version, and no others. */
  #checkRestored({ version, files }: TableState, info: Json): void {
    const target = this.at(Number(member(info, 'operationParameters')?.['version']));
    const [found, wanted] = [files, target.files].map((some) =>
      sortedText(Array.from(some, ([path, { vector }]) => `${path}~${vector}`)),
    );
    if (found === wanted) return;
    throw new Violation(`version ${version} restores ${target.version} as ${found}, not ${wanted}`);
  }

  #moved(actions: readonly Json[]): Moved {
    const [gone, come, added] = [new Set<string>(), new Set<string>(), new Set<string>()];
    for (const action of actions) {
      const [remove, add] = [member(action, 'remove'), member(action, 'add')];
      const file = remove ?? add;
      if (file === null) continue;
      const path = pathOf(file);
      if (remove === null) added.add(path);
      const rows = remove === null ? come : gone;
      for (const { id } of this.rows(path, vectorOf(file))) rows.add(id);
    }
    return { gone, come, added };
  }

  #checkRows(state: TableState): void {
    const ids = new Set<string>();
    const keys = new Set<string>();
    for (const { id, key } of liveRows(this, state)) {
      if (ids.has(id)) throw new Violation(`version ${state.version} holds the row ${id} twice`);
      if (key !== null && keys.has(key)) {
        throw new Violation(`version ${state.version} holds the key ${key} twice`);
      }
      ids.add(id);
      if (key !== null) keys.add(key);
    }
  }

  /** What a transaction read is the same right before it as where it read: as if it had run there. */
  #checkReads({ id, reads, readVersion, isRebased, isolation }: Operation, before: Version): void {
    const then = this.at(readVersion);
    const demands = [then, before].map(({ counters }) => counters.get(DEMAND) ?? 0);
    if (demands[0] !== demands[1]) {
      throw new Violation(
        `${id} was made under demand ${demands.join(', and is committed under ')}`,
      );
    }
    if (reads.kind === 'nothing' || isRebased) return;
    // Blind appends may be taken to come after it.
    const passed =
      isolation === 'Serializable'
        ? []
        : this.versions.slice(readVersion + 1).map((it) => it.blind);
    const [seen, sees] = [then, before].map((at) =>
      this.#seen(reads, at, (name) => !passed.some((blind) => blind.has(name))),
    );
    if (seen === sees) return;
    throw new Violation(
      `version ${before.version + 1} (${id}) read what changed since ${readVersion}: ${String(seen)} is now ${String(sees)}`,
    );
  }

  #seen(
    reads: Exclude<Reads, { kind: 'nothing' }>,
    at: Version,
    counts: (name: string) => boolean,
  ): string {
    const { files } = at;
    if (reads.kind === 'table') return sortedText([...files.keys()].filter(counts));
    const wanted = liveRows(this, at).filter(
      ({ part, n }) =>
        (reads.part !== null || reads.below !== null) &&
        (reads.part === null || part === reads.part) &&
        (reads.below === null || n < reads.below),
    );
    const there = reads.paths.flatMap((path) => {
      const file = files.get(path);
      return file === undefined ? [] : [`${path}~${file.vector}`];
    });
    return `${sortedText(wanted.map(({ id }) => id).filter(counts))} of ${sortedText(there)}`;
  }
}

function liveRows(
  model: Pick<Model, 'rows'>,
  { files }: { readonly files: ReadonlyMap<string, LiveFile> },
): SimRow[] {
  return Array.from(files, ([path, { vector }]) => model.rows(path, vector)).flat();
}

/** What a commit does to rows. */
interface Moved {
  readonly gone: ReadonlySet<string>;
  readonly come: ReadonlySet<string>;
  readonly added: ReadonlySet<string>;
}

/** The commit does what its operations meant to do. */
function checkMoved(
  { gone, come }: Moved,
  operations: readonly Operation[],
  version: number,
): void {
  const inserted = [...come].filter((id) => !gone.has(id));
  const deleted = [...gone].filter((id) => !come.has(id));
  const inserts = operations.flatMap((it) => it.inserts);
  const deletes = operations.flatMap((it) => it.deletes);
  const fits = operations.some(({ isRebased }) => isRebased)
    ? inserted.every((row) => inserts.includes(row))
    : sortedText(inserted) === sortedText(inserts);
  if (fits && sortedText(deleted) === sortedText(deletes)) return;
  throw new Violation(
    `version ${version} brings ${sortedText(inserted)} and takes ${sortedText(deleted)}, ` +
      `and was to bring ${sortedText(inserts)} and take ${sortedText(deletes)}`,
  );
}

function nameOf(actions: readonly Json[]): string | null {
  for (const action of actions) {
    const info = member(action, 'commitInfo');
    const name = member(info ?? {}, 'operationParameters')?.['simulated'];
    if (typeof name === 'string') return name;
  }
  return null;
}
