/** What a table is after each commit, from the bytes of its log alone and without any code of the project. */

/** A rule of the table that was broken: the seed shows a bug. */
export class Violation extends Error {}

export type Json = Readonly<Record<string, unknown>>;

export const ROW_TRACKING = 'delta.rowTracking';
/** A property that asks something of those who write, as far as anybody knows. */
export const DEMAND = 'delta.simulated';
const TIMED = 'delta.enableInCommitTimestamps';

export interface LiveFile {
  /** The unique id of its deletion vector; `''` for none. */
  readonly vector: string;
  readonly baseRowId: number | null;
  readonly rowVersion: number | null;
}

/** The table as of one version. */
export interface TableState {
  readonly version: number;
  readonly files: ReadonlyMap<string, LiveFile>;
  readonly txns: ReadonlyMap<string, number>;
  readonly counters: ReadonlyMap<string, number>;
  readonly numbersRows: boolean;
  /** The last row id that was given; null before the first. */
  readonly rowIdMark: number | null;
  /** Whether commits carry their own times, and that of this one. */
  readonly isTimed: boolean;
  readonly timeMs: number | null;
}

/** A commit as it changes a table. */
export interface Change {
  readonly version: number;
  readonly actions: readonly Json[];
  /** Rows in a file as it was written. */
  readonly rowCount: (path: string) => number;
}

const EMPTY: TableState = {
  version: -1,
  files: new Map(),
  txns: new Map(),
  counters: new Map(),
  numbersRows: false,
  rowIdMark: null,
  isTimed: false,
  timeMs: null,
};

export function stateAfter(before: TableState = EMPTY, change: Change): TableState {
  const { version, actions } = change;
  const protocol = actions.map((action) => member(action, 'protocol')).find((it) => it !== null);
  const features = protocol?.['writerFeatures'];
  const numbersRows = Array.isArray(features)
    ? features.includes('rowTracking')
    : before.numbersRows;
  return {
    version,
    files: filesAfter(before, change),
    txns: txnsAfter(before, change),
    counters: countersAfter(before, change),
    numbersRows,
    rowIdMark: rowIdMarkAfter(before, change, numbersRows),
    ...timeAfter(before, change),
  };
}

/** All that a reader sees, as one text. */
export function stateText(state: {
  readonly files: Iterable<readonly [string, LiveFile]>;
  readonly txns: Iterable<readonly [string, number]>;
  readonly counters: Iterable<readonly [string, number]>;
  readonly rowIdMark: number | null;
  readonly timeMs: number | null;
}): string {
  const files = Array.from(state.files, ([path, { vector, baseRowId, rowVersion }]) => {
    const row = baseRowId === null ? '' : `#${baseRowId}@${String(rowVersion)}`;
    return `${path}${vector === '' ? '' : `~${vector}`}${row}`;
  });
  const pairs = (of: Iterable<readonly [string, number]>): string =>
    sortedText(Array.from(of, ([name, value]) => `${name}=${value}`));
  return [
    sortedText(files),
    pairs(state.txns),
    pairs(state.counters),
    String(state.rowIdMark),
    String(state.timeMs),
  ].join(' | ');
}

export function sortedText(names: Iterable<string>): string {
  return [...names].sort().join(' ');
}

/** The counters among a table's properties. */
export function countersOf(configuration: Json): (readonly [string, number])[] {
  return Object.entries(configuration)
    .filter(([name]) => isCounter(name))
    .map(([name, value]) => [name, Number(value)] as const);
}

export function isCounter(property: string): boolean {
  return property.startsWith('sim.') || property === DEMAND;
}

export function member(action: Json, name: string): Json | null {
  const value = action[name];
  return typeof value === 'object' && value !== null ? (value as Json) : null;
}

/** The path of an `add` or `remove`, decoded. */
export function pathOf(file: Json): string {
  return decodeURIComponent(String(file['path']));
}

/** As the protocol derives it from a descriptor. */
export function vectorOf(file: Json): string {
  const vector = member(file, 'deletionVector');
  if (vector === null) return '';
  const { storageType, pathOrInlineDv, offset } = vector;
  const at = typeof offset === 'number' ? `@${offset}` : '';
  return `${String(storageType)}${String(pathOrInlineDv)}${at}`;
}

function filesAfter(
  before: TableState,
  { version, actions }: Change,
): ReadonlyMap<string, LiveFile> {
  const files = new Map(before.files);
  for (const action of actions) {
    const remove = member(action, 'remove');
    if (remove === null) continue;
    const path = pathOf(remove);
    if (files.get(path)?.vector !== vectorOf(remove)) {
      throw new Violation(`version ${version} removes ${path}, which is not there so`);
    }
    files.delete(path);
  }
  for (const action of actions) {
    const add = member(action, 'add');
    if (add === null) continue;
    const path = pathOf(add);
    if (files.has(path)) throw new Violation(`version ${version} adds ${path}, already there`);
    const vector = vectorOf(add);
    files.set(path, {
      vector,
      baseRowId: numberOf(add, 'baseRowId'),
      rowVersion: numberOf(add, 'defaultRowCommitVersion'),
    });
  }
  return files;
}

function txnsAfter(before: TableState, { version, actions }: Change): ReadonlyMap<string, number> {
  const txns = new Map(before.txns);
  for (const action of actions) {
    const txn = member(action, 'txn');
    if (txn === null) continue;
    const [app, to] = [String(txn['appId']), Number(txn['version'])];
    const held = txns.get(app) ?? -1;
    if (to <= held) throw new Violation(`version ${version} applies ${app} ${to} after ${held}`);
    if (to !== held + 1) {
      throw new Violation(`version ${version} skips from ${app} ${held} to ${to}`);
    }
    txns.set(app, to);
  }
  return txns;
}

/** Counters in the table's properties and domains: each change is one step, so that a lost one shows. */
function countersAfter(
  before: TableState,
  { version, actions }: Change,
): ReadonlyMap<string, number> {
  let counters = new Map(before.counters);
  const step = (held: ReadonlyMap<string, number>, name: string, to: number): void => {
    const was = held.get(name) ?? 0;
    if (to !== was && to !== was + 1) {
      throw new Violation(`version ${version} takes ${name} from ${was} to ${to}`);
    }
    counters.set(name, to);
  };
  for (const action of actions) {
    const metadata = member(action, 'metaData');
    const domain = member(action, 'domainMetadata');
    if (metadata !== null) {
      const held = counters;
      counters = new Map([...held].filter(([name]) => !isCounter(name)));
      for (const [name, to] of countersOf(member(metadata, 'configuration') ?? {})) {
        step(held, name, to);
      }
      for (const [name] of held) {
        if (isCounter(name) && !counters.has(name)) {
          throw new Violation(`version ${version} loses the property ${name}`);
        }
      }
    }
    if (domain !== null && domain['domain'] !== ROW_TRACKING) {
      step(counters, String(domain['domain']), Number(domain['configuration']));
    }
  }
  return counters;
}

/**
 * Of tables that number their rows: none is given a number of another, files that stay keep theirs, and the mark is that
 * of the last.
 */
function rowIdMarkAfter(
  before: TableState,
  { version, actions, rowCount }: Change,
  numbersRows: boolean,
): number | null {
  const start = before.rowIdMark ?? -1;
  let [told, mark] = [before.rowIdMark, start];
  for (const action of actions) {
    const domain = member(action, 'domainMetadata');
    if (domain?.['domain'] === ROW_TRACKING) {
      told = numberOf(JSON.parse(String(domain['configuration'])) as Json, 'rowIdHighWaterMark');
    }
    const add = member(action, 'add');
    if (add === null || !numbersRows) continue;
    const path = pathOf(add);
    const [first, since] = [numberOf(add, 'baseRowId'), numberOf(add, 'defaultRowCommitVersion')];
    const known = before.files.get(path);
    if (known !== undefined && known.baseRowId !== null) {
      if (first === known.baseRowId && since === known.rowVersion) continue;
      throw new Violation(`version ${version} gives the rows of ${path} other ids`);
    }
    if (first !== mark + 1) {
      throw new Violation(`version ${version} gives row ids from ${String(first)} behind ${mark}`);
    }
    if (since !== version) {
      throw new Violation(`version ${version} says that its rows are of another`);
    }
    mark += rowCount(path);
  }
  if ((told ?? -1) !== mark) throw new Violation(`version ${version} marks row ids to ${told}`);
  return told;
}

/** Where commits carry their own times, these rise, and never stop to be there. */
function timeAfter(
  before: TableState,
  { version, actions }: Change,
): Pick<TableState, 'isTimed' | 'timeMs'> {
  const metadata = actions.map((action) => member(action, 'metaData')).find((it) => it !== null);
  const configuration = member(metadata ?? {}, 'configuration');
  const isTimed = configuration === null ? before.isTimed : configuration[TIMED] === 'true';
  if (before.isTimed && !isTimed) throw new Violation(`version ${version} takes times away`);
  if (!isTimed) return { isTimed, timeMs: null };
  const timeMs = numberOf(member(actions[0] ?? {}, 'commitInfo') ?? {}, 'inCommitTimestamp');
  if (timeMs === null) throw new Violation(`version ${version} has no time`);
  if (timeMs <= (before.timeMs ?? -1)) {
    throw new Violation(`version ${version} is of ${timeMs}, behind ${String(before.timeMs)}`);
  }
  if (!before.isTimed && version > 0) checkBeginning(configuration ?? {}, { version, timeMs });
  return { isTimed, timeMs };
}

function checkBeginning(
  configuration: Json,
  at: { readonly version: number; readonly timeMs: number },
): void {
  const told = ['Version', 'Timestamp'].map((of) =>
    Number(configuration[`delta.inCommitTimestampEnablement${of}`]),
  );
  if (told[0] === at.version && told[1] === at.timeMs) return;
  throw new Violation(`version ${at.version} says that times begin with ${told.join(' at ')}`);
}

function numberOf(json: Json, name: string): number | null {
  const value = json[name];
  return typeof value === 'number' ? value : null;
}
