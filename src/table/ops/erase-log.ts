/** What the log says of files with rows that are to be erased: their names, partition values and statistics. */

import { isDeltaError } from '../../base/index.ts';
import {
  type Action,
  type AddFile,
  type CheckpointFiles,
  checksumPath,
  type CommitInfo,
  LOG_FOLDER,
  parseCommit,
  parseVersionChecksum,
  readListing,
} from '../../log/index.ts';
import { type Expression, expressionParts } from '../../schema/index.ts';
import type { ObjectMeta } from '../../store/index.ts';
import { readCheckpoint } from '../checkpoint-read.ts';
import { referencedSidecars } from '../sidecar-references.ts';
import { encodedRoot, keyBelow } from '../stored-file.ts';
import type { TableContext } from '../types.ts';
import { mayHold, type Survey } from './erase-files.ts';

/** A file of the log, or all files of a checkpoint. */
export interface LogPart {
  /** `copy`: of a commit, as it was written before it was put in its place. */
  readonly kind: 'commit' | 'copy' | 'checkpoint' | 'compacted' | 'checksum' | 'other';
  /** Of the commit, or the first one; null for `other`. */
  readonly version: number | null;
  readonly paths: readonly string[];
  readonly modifiedMs: number;
}

export interface LogSearch {
  /** Files that were searched. */
  readonly fileCount: number;
  /** Parts that name a file with a matching row, or one that is gone and may have had some. */
  readonly quoting: readonly LogPart[];
  /** Keys of these files. */
  readonly suspects: ReadonlySet<string>;
  /** Sidecars that no checkpoint names. */
  readonly strays: readonly ObjectMeta[];
}

/**
 * Searches each file of the log. A file that is there and was searched is known; of one that is gone the partition values and
 * statistics of all its entries together tell whether it may have held a match. Errors: those of the store.
 */
export async function searchLog(
  ctx: TableContext,
  { names, files }: Survey,
  where: Expression,
): Promise<LogSearch> {
  const known = new Map(files.map(({ meta, searched }) => [meta.path, searched]));
  const reader = new QuoteReader(ctx, {
    isHarmless: (key) => {
      const searched = known.get(key);
      return searched?.kind === 'rows' && searched.matchCount === 0;
    },
    isThere: (key) => known.has(key),
    mayHold: (add) => mayHold(names.snapshot, where, add),
    literals: literalsOf(where),
  });
  const { parts, strays, fileCount } = await partsOf(ctx);
  const quotes: { readonly part: LogPart; readonly quote: Quote }[] = [];
  for (const part of parts) quotes.push({ part, quote: await reader.read(part) });
  const suspects = reader.suspects();
  const quoting = quotes.flatMap(({ part, quote: { keys, isOpen } }) =>
    isOpen || keys.some((key) => suspects.has(key)) ? [part] : [],
  );
  return { fileCount, quoting, suspects, strays };
}

interface PartToRead extends LogPart {
  readonly checkpoint?: CheckpointFiles;
}

interface LogParts {
  readonly parts: readonly PartToRead[];
  readonly strays: readonly ObjectMeta[];
  readonly fileCount: number;
}

/** What engines keep in a log's folder that says nothing of files: hints, records of clones, marks of vacuums, checksums of blocks. */
const WITHOUT_FILES =
  /^_delta_log\/(?:_last_checkpoint|_last_vacuum_info|_clones\/[^/]+|\.vacuum-[^/]*\.tmp|(?:.*\/)?\.[^/]*\.crc)$/;

async function partsOf({ store }: TableContext): Promise<LogParts> {
  const objects = new Map<string, ObjectMeta>();
  for await (const meta of store.list(LOG_FOLDER, { recursive: true })) {
    objects.set(meta.path, meta);
  }
  const fileCount = objects.size;
  const take = (...paths: readonly string[]): Omit<LogPart, 'kind' | 'version'> => {
    const times = paths.map((path) => objects.get(path)?.modifiedMs ?? 0);
    for (const path of paths) objects.delete(path);
    return { paths, modifiedMs: Math.max(0, ...times) };
  };
  const direct = [...objects.values()].filter(
    ({ path }) => !path.slice(LOG_FOLDER.length + 1).includes('/'),
  );
  const { commits, checkpoints, compacted, checksums } = readListing(direct);
  const parts: PartToRead[] = [
    ...commits.map(({ version, path }) => ({ kind: 'commit', version, ...take(path) }) as const),
    ...compacted.map(
      ({ version, path }) => ({ kind: 'compacted', version, ...take(path) }) as const,
    ),
    ...checksums.map(
      (version) => ({ kind: 'checksum', version, ...take(checksumPath(version)) }) as const,
    ),
  ];
  const named = new Set<string>();
  for (const checkpoint of checkpoints) {
    const sidecars = await sidecarsOf(store, checkpoint);
    for (const path of sidecars) named.add(path);
    const own = take(...checkpoint.files.map(({ path }) => path));
    parts.push({ kind: 'checkpoint', version: checkpoint.version, ...own, checkpoint });
  }
  for (const path of named) objects.delete(path);
  const strays: ObjectMeta[] = [];
  for (const meta of objects.values()) {
    if (meta.sizeBytes === 0 || WITHOUT_FILES.test(meta.path)) continue;
    if (meta.path.startsWith(`${LOG_FOLDER}/_sidecars/`)) strays.push(meta);
    else parts.push({ ...copyOrOther(meta.path), ...take(meta.path) });
  }
  return { parts, strays, fileCount };
}

/** Of tables whose commits go through a DynamoDB table, or that a catalog managed. */
const COPY = /^_delta_log\/(?:\.tmp|_staged_commits)\/(\d{20})\.(?:json\.)?[^/]+$/;

function copyOrOther(path: string): Pick<LogPart, 'kind' | 'version'> {
  const digits = COPY.exec(path)?.[1];
  return digits === undefined
    ? { kind: 'other', version: null }
    : { kind: 'copy', version: Number(digits) };
}

/** Paths of the sidecars of a checkpoint; one that cannot be read names none that anybody could read. */
export async function sidecarsOf(
  store: TableContext['store'],
  checkpoint: CheckpointFiles,
): Promise<Iterable<string>> {
  try {
    return await referencedSidecars(store, [checkpoint]);
  } catch (error) {
    if (!isDeltaError(error) || error.kind === 'unavailable') throw error;
    return [];
  }
}

interface Known {
  readonly isHarmless: (key: string) => boolean;
  readonly isThere: (key: string) => boolean;
  readonly mayHold: (add: AddFile) => boolean;
  readonly literals: readonly RegExp[];
}

interface Quote {
  /** Files that it names and that are not known to be harmless. */
  readonly keys: readonly string[];
  /** Whether it quotes a value itself, or cannot be read, so that it may. */
  readonly isOpen: boolean;
}

class QuoteReader {
  readonly #ctx: TableContext;
  readonly #root: string;
  readonly #known: Known;
  readonly #verdicts = new Map<string, 'may' | 'cannot'>();

  constructor(ctx: TableContext, known: Known) {
    this.#ctx = ctx;
    this.#root = encodedRoot(ctx.store);
    this.#known = known;
  }

  async read(part: PartToRead): Promise<Quote> {
    const keys = new Set<string>();
    let isOpen = false;
    try {
      for await (const actions of this.#actionsOf(part)) {
        isOpen ||= actions === null;
        for (const action of actions ?? []) {
          const key = this.#suspect(action);
          if (key !== null) keys.add(key);
          if (action.kind === 'commitInfo') isOpen ||= this.#quotes(action.commitInfo);
        }
      }
    } catch (error) {
      if (!isDeltaError(error) || error.kind === 'unavailable') throw error;
      isOpen = true;
    }
    return { keys: [...keys], isOpen };
  }

  suspects(): ReadonlySet<string> {
    const keys = [...this.#verdicts].flatMap(([key, verdict]) => (verdict === 'may' ? [key] : []));
    return new Set(keys);
  }

  async *#actionsOf({
    kind,
    paths,
    checkpoint,
  }: PartToRead): AsyncGenerator<readonly Action[] | null> {
    const { store } = this.#ctx;
    if (checkpoint !== undefined) {
      yield* readCheckpoint(store, { files: checkpoint, copy: null });
      return;
    }
    for (const path of paths) {
      const { bytes } = await store.get(path);
      if (kind === 'checksum') yield filesOfChecksum(bytes, path);
      else yield parseCommit(bytes, path);
    }
  }

  /** The key of the file that the action is about, unless that is known to hold no match. */
  #suspect(action: Action): string | null {
    const file = fileOf(action);
    if (file === null) return null;
    const key = keyBelow(this.#root, file.path, { isOwn: true });
    if (key === null || this.#known.isHarmless(key)) return null;
    const isRuledOut = this.#verdicts.get(key) === 'cannot';
    const mayHold = this.#known.isThere(key) || (!isRuledOut && this.#known.mayHold(file));
    this.#verdicts.set(key, mayHold ? 'may' : 'cannot');
    return key;
  }

  #quotes(info: CommitInfo): boolean {
    const told = conditionsIn(info);
    return this.#known.literals.some((literal) => literal.test(told));
  }
}

/** Null where it cannot be read. */
function filesOfChecksum(bytes: Uint8Array, path: string): readonly Action[] | null {
  const checksum = parseVersionChecksum(bytes, path);
  return checksum === null ? null : (checksum.files ?? []).map((add) => ({ kind: 'add', add }));
}

/** As an add, with what the action tells; partition values that it does not tell are none. */
function fileOf(action: Action): AddFile | null {
  const unknown = { partitionValues: {}, size: 0, modificationTime: 0, dataChange: false };
  if (action.kind === 'add') return action.add;
  if (action.kind === 'remove') return { ...unknown, ...action.remove, size: 0 };
  return action.kind === 'cdc' ? { ...unknown, ...action.cdc } : null;
}

/** Parameters of operations that hold conditions on rows. */
const CONDITION = /predicate/i;

function conditionsIn({ operationParameters }: CommitInfo): string {
  if (typeof operationParameters !== 'object' || operationParameters === null) return '';
  return Object.entries(operationParameters)
    .flatMap(([name, value]) => (CONDITION.test(name) ? [String(value)] : []))
    .join('\n');
}

/** The values of a condition, as they stand in the text of another one. */
function literalsOf(where: Expression): readonly RegExp[] {
  const own =
    where.kind === 'literal' && where.value !== null && typeof where.value !== 'boolean'
      ? [String(where.value)]
      : [];
  const texts = own.filter((text) => text !== '');
  const patterns = texts.map((text) => {
    const escaped = text.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
    return new RegExp(`(?<![\\p{L}\\p{N}])${escaped}(?![\\p{L}\\p{N}])`, 'u');
  });
  return [...patterns, ...expressionParts(where).flatMap(literalsOf)];
}
