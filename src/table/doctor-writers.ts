/** How a table is committed to, by whom, and whether those go together. */

import { commitPath, LOG_FOLDER, supportsFeature } from '../log/index.ts';
import {
  type Coordination,
  coordinationOf,
  type LogEntry,
  type ObjectStore,
} from '../store/index.ts';
import type { CommitWay, Finding, Found, LogSeen, WriterSeen } from './doctor-types.ts';
import { tableSnapshot } from './snapshot.ts';
import type { Snapshot } from './types.ts';

/** Half-done work younger than this is most likely being done. */
const UNDER_WAY_MS = 10_000;
/** Entries stay for a day; some of that is left to clocks. */
const ENTRIES_STAY_MS = 23 * 60 * 60 * 1000;
const ENTRIES_ASKED_MAX = 50;

/** Engines that write `N.json` on S3 without a condition: they look first and write then. */
const WITHOUT_CONDITION = /^(?:Apache-Spark|Databricks|Kernel|EMR|Delta-Standalone|Flink)/i;
/** Engines that never look into a log table. */
const WITHOUT_LOG_TABLE = /^(?:delta-rs|deltalake|delta-kernel|delta_kernel|DuckDB|Polars)/i;

export function commitWayOf(log: LogSeen, coordination: Coordination | null): CommitWay {
  const { ctx, snapshot } = log;
  const isManaged =
    snapshot !== null &&
    ['catalogManaged', 'catalogOwned-preview'].some((name) =>
      supportsFeature(snapshot.protocol, name),
    );
  if (isManaged || ctx.commitSource !== undefined) return 'catalog';
  return wayOfStore(ctx.store.uri, coordination);
}

/**
 * What speaks against writing to the table in `store` beside those who committed what was read of its log; null where nothing
 * does, or where they did not sign.
 */
export function strangerOf(store: ObjectStore, snapshot: Snapshot): Finding | null {
  const { engines, commitInfo } = tableSnapshot(snapshot).state;
  const way = wayOfStore(store.uri, coordinationOf(store));
  const writers = Array.from(engines, (engine) => ({
    engine,
    lastVersion: engine === commitInfo?.['engineInfo'] ? snapshot.version : null,
  }));
  const [found] = mixedWriters(way, writers);
  return found === undefined ? null : { ...found, repair: null };
}

/** The last to have committed comes first. */
export function writersOf({ commits }: LogSeen): readonly WriterSeen[] {
  const writers = new Map<string, WriterSeen>();
  for (const { engine, file } of commits) {
    const count = writers.get(engine)?.commits ?? 0;
    writers.set(engine, { engine, commits: count + 1, lastVersion: file.version });
  }
  return [...writers.values()].sort((a, b) => b.lastVersion - a.lastVersion);
}

/** Who committed; `lastVersion` is null where it is not known. */
interface Signature {
  readonly engine: string;
  readonly lastVersion: number | null;
}

/** Writers who do not see each other's commits before they write: each can write over the other's. */
export function mixedWriters(way: CommitWay, writers: readonly Signature[]): readonly Found[] {
  const stranger =
    way === 'conditional-put'
      ? writers.find(({ engine }) => WITHOUT_CONDITION.test(engine))
      : way === 'dynamodb'
        ? writers.find(({ engine }) => WITHOUT_LOG_TABLE.test(engine))
        : undefined;
  if (stranger === undefined) return [];
  const { engine, lastVersion } = stranger;
  const isS3 = way === 'conditional-put';
  const did = lastVersion === null ? 'has committed' : `committed version ${lastVersion}`;
  return [
    {
      code: 'MIXED_WRITERS',
      severity: 'warning',
      message: isS3
        ? `${engine} ${did}, and has no conditional PUT on S3: it can write over commits that are made with it`
        : `${engine} ${did}, and does not know the log table: it and those who do can lose each other's commits`,
      cure: isS3
        ? 'let one engine write, or set dynamoDb here and the same S3DynamoDBLogStore there'
        : 'let all writers use the log table, or none',
      details: { engine, version: lastVersion },
    },
  ];
}

/** What a log table says of the table. */
export async function checkLogTable(
  log: LogSeen,
  coordination: Coordination,
): Promise<readonly Found[]> {
  const latest = await coordination.latest();
  if (latest === null) return [];
  if (coordination.use === 'guard') return [coordinated(coordination, latest)];
  const pending = latest.complete
    ? await staleEntry(log, coordination, latest)
    : [halfDone(log, coordination, latest)];
  return [...pending, ...(await unentered(log, coordination, latest))];
}

function coordinated({ logTable }: Coordination, { fileName }: LogEntry): Found {
  return {
    code: 'COMMIT_COORDINATED',
    severity: 'error',
    message: `the log table ${logTable} has entries of this table, which is not to be committed to through it here`,
    cure: 'set dynamoDb with use "commit" for it, or delete the entries once no other writer is left',
    details: { logTable, fileName },
  };
}

/** An entry whose commit is decided, and whose file is not there or not acknowledged. */
function halfDone({ objects, nowMs }: LogSeen, coordination: Coordination, entry: LogEntry): Found {
  const { fileName, tempPath } = entry;
  const temporary = objects.find(({ path }) => path === `${LOG_FOLDER}/${tempPath}`);
  const isThere = objects.some(({ path }) => path === `${LOG_FOLDER}/${fileName}`);
  const isLost = temporary === undefined && !isThere;
  const isYoung = temporary !== undefined && nowMs - temporary.modifiedMs < UNDER_WAY_MS;
  const found: Found = {
    code: isLost ? 'COMMIT_LOST' : 'COMMIT_HALF_DONE',
    severity: isLost ? 'error' : isYoung ? 'note' : 'warning',
    message: isLost
      ? `the commit ${fileName} is half done, and its temporary file is gone`
      : `the commit ${fileName} is half done: it is decided, and not acknowledged${isThere ? '' : ', nor in the log'}`,
    cure: isLost
      ? 'restore the file, or delete the entry and with it the commit'
      : 'have it finished, as the next reader or writer with the log table does',
    details: { logTable: coordination.logTable, fileName, tempPath },
  };
  if (isLost) return found;
  const mend = async (): Promise<string> => {
    await coordination.finish(entry);
    return `finished ${fileName}`;
  };
  return { ...found, mend };
}

async function staleEntry(
  { commits }: LogSeen,
  { bare, logTable }: Coordination,
  { fileName }: LogEntry,
): Promise<readonly Found[]> {
  // Entries expire in any order: this one may have outlived those of later commits, and its own commit.
  const oldest = commits[0]?.file.version;
  if (oldest !== undefined && fileName < fileNameOf(oldest)) return [];
  if ((await bare.head(`${LOG_FOLDER}/${fileName}`)) !== null) return [];
  return [
    {
      code: 'LOG_TABLE_STALE',
      severity: 'error',
      message: `the log table ${logTable} has a complete entry of ${fileName}, which is not in the log`,
      cure: 'delete the entries, if they are of a table that was deleted; else restore the file',
      details: { logTable, fileName },
    },
  ];
}

/** Commits so young that their entries cannot have expired: where some have one, all must. */
async function unentered(
  { commits, nowMs }: LogSeen,
  coordination: Coordination,
  latest: LogEntry,
): Promise<readonly Found[]> {
  const young = commits.filter(({ file }) => nowMs - file.modifiedMs < ENTRIES_STAY_MS);
  let isEntered = false;
  for (const { file, engine } of young.slice(-ENTRIES_ASKED_MAX)) {
    const fileName = fileNameOf(file.version);
    if ((await coordination.entry(fileName)) !== null) {
      isEntered = true;
    } else if (isEntered || fileName > latest.fileName) {
      return [
        {
          code: 'MIXED_WRITERS',
          severity: 'error',
          message: `version ${file.version}, by ${engine}, was committed past the log table ${coordination.logTable}`,
          cure: "let all writers use the log table, or none: they can lose each other's commits",
          details: { version: file.version, engine },
        },
      ];
    }
  }
  return [];
}

function wayOfStore(uri: string, coordination: Coordination | null): CommitWay {
  if (coordination?.use === 'commit') return 'dynamodb';
  if (/^s3[an]?:/.test(uri)) return 'conditional-put';
  return uri.startsWith('memory:') ? 'memory' : 'local';
}

function fileNameOf(version: number): string {
  return commitPath(version).slice(LOG_FOLDER.length + 1);
}
