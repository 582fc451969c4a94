/**
 * What is true: made from the bytes of each commit at the moment that it is written, without any code of the project,
 * and held against what transactions meant to do and what they were told.
 */

/** A rule of the table that was broken: the seed shows a bug. */
export class Violation extends Error {}

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
  /** Whether it is looked at again, and may be changed, before it is committed behind others. */
  readonly isRebased: boolean;
  told: Told;
}

/** The table as of one version. */
export interface Version {
  readonly version: number;
  readonly files: ReadonlySet<string>;
  readonly txns: ReadonlyMap<string, number>;
  readonly counters: ReadonlyMap<string, number>;
  readonly operation: string | null;
  /** All that a reader sees, as one text. */
  readonly text: string;
}

type Json = Readonly<Record<string, unknown>>;

export const ROW_TRACKING = 'delta.rowTracking';

export class Model {
  readonly versions: Version[] = [];
  /** The rows of each file that anyone has written. */
  readonly rowsOf = new Map<string, readonly SimRow[]>();
  readonly operations = new Map<string, Operation>();
  readonly committedAt = new Map<string, number>();
  /** The last row id, of a table that numbers its rows. */
  #rowIdMark: number | null = null;
  /** Versions that nobody may rely on any more. */
  firstRetained = 0;

  /** The table numbers its rows from the start. */
  numberRows(): void {
    this.#rowIdMark = -1;
  }

  get latest(): Version | null {
    return this.versions.at(-1) ?? null;
  }

  at(version: number): Version {
    const found = this.versions[version];
    if (found === undefined) throw new Violation(`version ${version} does not exist`);
    return found;
  }

  begin(operation: Omit<Operation, 'told'>): Operation {
    const begun: Operation = { ...operation, told: 'running' };
    this.operations.set(operation.id, begun);
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

  /** A commit at the moment of its effect. */
  commit(version: number, text: string): void {
    const before = this.latest;
    if (version !== (before?.version ?? -1) + 1) {
      throw new Violation(`version ${version} was written when ${this.versions.length} was next`);
    }
    const actions = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Json);
    const id = operationOf(actions);
    const operation = id === null ? null : this.#claim(id, version);
    const files = new Set(before?.files);
    if (operation !== null && before !== null) this.#checkReads(operation, version);
    this.#moveFiles(actions, files, { version, operation });
    this.#checkRows(files, version);
    this.#checkRowIds(actions, version);
    const txns = advanceTxns(actions, before, version);
    const counters = advanceCounters(actions, before, version);
    this.versions.push({
      version,
      files,
      txns,
      counters,
      operation: id,
      text: stateText({ files, txns, counters }),
    });
  }

  rowsIn(version: number): readonly SimRow[] {
    return [...this.at(version).files].flatMap((path) => this.rows(path));
  }

  rows(path: string): readonly SimRow[] {
    const rows = this.rowsOf.get(path);
    if (rows === undefined) throw new Violation(`nobody wrote ${path}`);
    return rows;
  }

  #claim(id: string, version: number): Operation {
    const operation = this.operations.get(id);
    if (operation === undefined) throw new Violation(`nobody began ${id}`);
    const at = this.committedAt.get(id);
    if (at !== undefined) throw new Violation(`${id} is version ${at} and ${version}`);
    if (operation.told === 'refused') {
      throw new Violation(`${id} became version ${version} after it was told it did not`);
    }
    this.committedAt.set(id, version);
    return operation;
  }

  #moveFiles(
    actions: readonly Json[],
    files: Set<string>,
    commit: { readonly version: number; readonly operation: Operation | null },
  ): void {
    const { version, operation } = commit;
    const gone = new Set<string>();
    const come = new Set<string>();
    const removed: string[] = [];
    for (const action of actions) {
      const path = member(action, 'remove')?.['path'];
      if (typeof path === 'string') removed.push(decodeURIComponent(path));
    }
    for (const path of removed) {
      if (!files.delete(path)) throw new Violation(`version ${version} removes ${path}, not there`);
      for (const { id } of this.rows(path)) gone.add(id);
    }
    for (const action of actions) {
      const add = member(action, 'add');
      if (add === null) continue;
      const path = decodeURIComponent(String(add['path']));
      if (files.has(path)) throw new Violation(`version ${version} adds ${path}, already there`);
      files.add(path);
      for (const { id } of this.rows(path)) come.add(id);
    }
    if (operation === null) return;
    const inserted = [...come].filter((id) => !gone.has(id));
    const deleted = [...gone].filter((id) => !come.has(id));
    const { id, inserts, deletes, isRebased } = operation;
    const fits = isRebased
      ? inserted.every((row) => inserts.includes(row))
      : sortedText(inserted) === sortedText(inserts);
    if (!fits || sortedText(deleted) !== sortedText(deletes)) {
      throw new Violation(
        `version ${version} (${id}) brings ${sortedText(inserted)} and takes ${sortedText(deleted)}, ` +
          `and was to bring ${sortedText(inserts)} and take ${sortedText(deletes)}`,
      );
    }
  }

  /** Of tables that number their rows: no number is given twice, and the mark is that of the last. */
  #checkRowIds(actions: readonly Json[], version: number): void {
    let told: number | null = null;
    const start = this.#rowIdMark;
    for (const action of actions) {
      const domain = member(action, 'domainMetadata');
      if (domain?.['domain'] === ROW_TRACKING) {
        told = Number((JSON.parse(String(domain['configuration'])) as Json)['rowIdHighWaterMark']);
      }
      const add = member(action, 'add');
      if (add === null || this.#rowIdMark === null) continue;
      const first = Number(add['baseRowId']);
      const count = this.rows(decodeURIComponent(String(add['path']))).length;
      if (first !== this.#rowIdMark + 1) {
        throw new Violation(
          `version ${version} gives row ids from ${first} behind ${this.#rowIdMark}`,
        );
      }
      if (add['defaultRowCommitVersion'] !== version) {
        throw new Violation(`version ${version} says that its rows are of another`);
      }
      this.#rowIdMark += count;
    }
    if (this.#rowIdMark !== start && told !== this.#rowIdMark) {
      throw new Violation(`version ${version} marks row ids to ${String(told)}`);
    }
  }

  #checkRows(files: ReadonlySet<string>, version: number): void {
    const ids = new Set<string>();
    const keys = new Set<string>();
    for (const path of files) {
      for (const { id, key } of this.rows(path)) {
        if (ids.has(id)) throw new Violation(`version ${version} holds the row ${id} twice`);
        if (key !== null && keys.has(key)) {
          throw new Violation(`version ${version} holds the key ${key} twice`);
        }
        ids.add(id);
        if (key !== null) keys.add(key);
      }
    }
  }

  /** What a transaction read is the same right before it as where it read: as if it had run there. */
  #checkReads({ id, reads, readVersion, isRebased }: Operation, version: number): void {
    if (reads.kind === 'nothing' || isRebased) return;
    const [then, now] = [readVersion, version - 1].map((at) => this.#seen(reads, at));
    if (then !== now) {
      throw new Violation(
        `version ${version} (${id}) read what changed since ${readVersion}: ${String(then)} is now ${String(now)}`,
      );
    }
  }

  #seen(reads: Exclude<Reads, { kind: 'nothing' }>, version: number): string {
    const { files } = this.at(version);
    if (reads.kind === 'table') return [...files].sort().join(' ');
    const wanted = this.rowsIn(version).filter(
      ({ part, n }) =>
        (reads.part !== null || reads.below !== null) &&
        (reads.part === null || part === reads.part) &&
        (reads.below === null || n < reads.below),
    );
    const there = reads.paths.filter((path) => files.has(path));
    return `${sortedText(wanted.map(({ id }) => id))} of ${sortedText(there)}`;
  }
}

/** The same text for what a reader found. */
export function stateText(state: {
  readonly files: Iterable<string>;
  readonly txns: Iterable<readonly [string, number]>;
  readonly counters: Iterable<readonly [string, number]>;
}): string {
  const files = [...state.files].sort().join(' ');
  const pairs = (of: Iterable<readonly [string, number]>): string =>
    [...of]
      .map(([name, value]) => `${name}=${value}`)
      .sort()
      .join(' ');
  return `${files} | ${pairs(state.txns)} | ${pairs(state.counters)}`;
}

function operationOf(actions: readonly Json[]): string | null {
  for (const action of actions) {
    const info = member(action, 'commitInfo');
    const parameters = info === null ? null : member(info, 'operationParameters');
    const id = parameters?.['simulated'];
    if (typeof id === 'string') return id;
  }
  return null;
}

function advanceTxns(
  actions: readonly Json[],
  before: Version | null,
  version: number,
): ReadonlyMap<string, number> {
  const txns = new Map(before?.txns);
  for (const action of actions) {
    const txn = member(action, 'txn');
    if (txn === null) continue;
    const [app, to] = [String(txn['appId']), Number(txn['version'])];
    const held = txns.get(app) ?? -1;
    if (to <= held) throw new Violation(`version ${version} applies ${app} ${to} after ${held}`);
    if (to !== held + 1)
      throw new Violation(`version ${version} skips from ${app} ${held} to ${to}`);
    txns.set(app, to);
  }
  return txns;
}

/** Counters in the table's properties and domains: each change is one step, so that a lost one shows. */
function advanceCounters(
  actions: readonly Json[],
  before: Version | null,
  version: number,
): ReadonlyMap<string, number> {
  let counters = new Map(before?.counters);
  const step = (name: string, to: number): void => {
    const held = counters.get(name) ?? 0;
    if (to !== held && to !== held + 1) {
      throw new Violation(`version ${version} takes ${name} from ${held} to ${to}`);
    }
    counters.set(name, to);
  };
  for (const action of actions) {
    const metadata = member(action, 'metaData');
    const domain = member(action, 'domainMetadata');
    if (metadata !== null) {
      const held = counters;
      counters = new Map([...held].filter(([name]) => !name.startsWith('sim.')));
      for (const [name, value] of countersOf(member(metadata, 'configuration') ?? {})) {
        const was = held.get(name) ?? 0;
        if (value !== was && value !== was + 1) {
          throw new Violation(`version ${version} takes ${name} from ${was} to ${value}`);
        }
        counters.set(name, value);
      }
      for (const [name] of held) {
        if (name.startsWith('sim.') && !counters.has(name)) {
          throw new Violation(`version ${version} loses the property ${name}`);
        }
      }
    }
    if (domain !== null && domain['domain'] !== ROW_TRACKING)
      step(String(domain['domain']), Number(domain['configuration']));
  }
  return counters;
}

/** The counters among a table's properties. */
export function countersOf(configuration: Json): (readonly [string, number])[] {
  return Object.entries(configuration)
    .filter(([name]) => name.startsWith('sim.'))
    .map(([name, value]) => [name, Number(value)] as const);
}

function sortedText(names: readonly string[]): string {
  return [...names].sort().join(' ');
}

function member(action: Json, name: string): Json | null {
  const value = action[name];
  return typeof value === 'object' && value !== null ? (value as Json) : null;
}
