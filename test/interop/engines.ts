/** Other people's engines, each a process that answers one JSON line per request. */

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createInterface, type Interface } from 'node:readline';

export interface Checksum {
  readonly rows: number;
  readonly sha256: string | null;
}

type Answer = Readonly<Record<string, unknown>>;

export class EngineProcess {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  readonly #reader: Interface;
  #errors = '';

  constructor(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    this.#child = spawn(command, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    this.#child.stderr.on('data', (bytes: Buffer) => {
      this.#errors = (this.#errors + bytes.toString()).slice(-8000);
    });
    this.#reader = createInterface({ input: this.#child.stdout });
    this.#lines = this.#reader[Symbol.asyncIterator]();
  }

  /** Sends a request; throws what the engine answers as an error. */
  async ask(request: Answer): Promise<Answer> {
    this.#child.stdin.write(`${JSON.stringify(request)}\n`);
    const answer = await this.next();
    if (typeof answer['error'] === 'string') throw new Error(answer['error']);
    return answer;
  }

  /** The next line that is JSON; engines print other things too. */
  async next(): Promise<Answer> {
    for (;;) {
      const line = await this.#lines.next();
      if (line.done === true) throw new Error(`the engine ended: ${this.#errors}`);
      if (line.value.startsWith('{')) return JSON.parse(line.value) as Answer;
    }
  }

  async checksum(request: Answer): Promise<Checksum> {
    const { rows, sha256 } = await this.ask({ op: 'checksum', ...request });
    return { rows: Number(rows), sha256: typeof sha256 === 'string' ? sha256 : null };
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.stdin.end();
    this.#reader.close();
    await ended;
  }
}

const scripts = new URL('../../scripts/', import.meta.url).pathname;

/** delta-rs and DuckDB's Delta reader. */
export function startPeers(): EngineProcess {
  return new EngineProcess(required('ENGINES_PYTHON'), [`${scripts}engines/peers.py`]);
}

/** Spark with Delta Lake, warm when this resolves; `options` and `env` as `spark.sh` takes them. */
export async function startSpark(
  options: readonly '--with-s3'[] = [],
  env: NodeJS.ProcessEnv = {},
): Promise<EngineProcess> {
  const words = [`${scripts}testbeds/spark.sh`, ...options, `${scripts}engines/spark.py`];
  const spark = new EngineProcess('bash', words, env);
  await spark.next();
  return spark;
}

/** On tables of a few rows, to compile a program for each query costs more than the query, and a full compiler more than it saves. */
const FEW_ROWS_JVM = {
  JAVA_TOOL_OPTIONS: '-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=240m -XX:+UseSerialGC',
} as const;
const FEW_ROWS: Readonly<Record<string, string>> = {
  'spark.databricks.delta.merge.materializeSource': 'none',
  'spark.databricks.delta.snapshotPartitions': '1',
  'spark.sql.adaptive.enabled': 'false',
  'spark.sql.codegen.factoryMode': 'NO_CODEGEN',
  'spark.sql.codegen.wholeStage': 'false',
  // Else each scan and each list of values is cut into a task for each core.
  'spark.sql.files.minPartitionNum': '1',
  'spark.sql.leafNodeDefaultParallelism': '1',
  'spark.sql.shuffle.partitions': '1',
  // Else VACUUM lists a table by ten thousand tasks.
  'spark.sql.sources.parallelPartitionDiscovery.parallelism': '1',
};

/** Spark for many statements on small tables; `settings` are further ones. */
export async function startSparkForFewRows(
  settings: Readonly<Record<string, string>> = {},
): Promise<EngineProcess> {
  const spark = await startSpark([], FEW_ROWS_JVM);
  for (const [key, value] of Object.entries({ ...FEW_ROWS, ...settings })) {
    await spark.ask({ op: 'sql', statement: `SET ${key}=${value}` });
  }
  return spark;
}

/** Runs one statement on Trino or Presto (both speak the same protocol) and returns its rows. */
export async function query(
  engine: 'Trino' | 'Presto',
  url: string,
  sql: string,
): Promise<unknown[][]> {
  const headers = { [`X-${engine}-User`]: 'interop', [`X-${engine}-Time-Zone`]: 'UTC' };
  let page = await getPage(`${url}/v1/statement`, { method: 'POST', body: sql, headers });
  const rows: unknown[][] = [];
  for (;;) {
    if (page.error !== undefined) throw new Error(`${engine}: ${page.error.message}: ${sql}`);
    rows.push(...(page.data ?? []));
    if (page.nextUri === undefined) return rows;
    page = await getPage(page.nextUri, { headers });
  }
}

interface Page {
  readonly nextUri?: string;
  readonly data?: unknown[][];
  readonly error?: { readonly message: string };
}

async function getPage(url: string, init: RequestInit): Promise<Page> {
  const response = await fetch(url, init);
  return (await response.json()) as Page;
}

/** A variable that the interop runner sets. */
export function required(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set; run npm run test:interop`);
  return value;
}
