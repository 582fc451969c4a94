/**
 * Installs and starts the real servers and engines (moto, versitygw, Kafka, a schema registry, Trino, Spark, delta-rs, DuckDB),
 * runs the interop tests against them, and stops what it started. With `AWS_ENDPOINT_URL` or `AWS_ENDPOINT_URL_S3` and `_GLUE`
 * set, those are used instead of moto and versitygw, with the credentials of the environment.
 *
 *   node scripts/interop.ts [--with-presto] [--with-streaming] [--with-features] [--with-operations] [vitest arguments…]
 * Where the arguments name files, as vitest takes them, only what these need is started.
 *
 * What takes many minutes runs when it is asked for, or named: the takeovers of Spark's streaming jobs (also by
 * `scripts/prove/spark.ts`), table features and operations held to Spark's, one by one.
 */

import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';

const beds = new URL('testbeds/', import.meta.url).pathname;
const root = new URL('..', import.meta.url).pathname;
const args = process.argv.slice(2);
const withPresto = args.includes('--with-presto');

/** Files that run when their word is among the arguments, or when they are named. */
const ON_DEMAND: Readonly<Record<string, readonly string[]>> = {
  '--with-streaming': ['spark-streaming'],
  '--with-features': ['features-data', 'features-log'],
  '--with-operations': [
    'constraints',
    'delete-update',
    'housekeeping',
    'merge',
    'optimize',
    'row-tracking',
  ],
};
const words = args.filter((word) => word !== '--with-presto' && !(word in ON_DEMAND));
const env: NodeJS.ProcessEnv = { ...process.env };
const started: string[] = [];

function bed(script: string, ...words: string[]): string {
  process.stderr.write(`[interop] ${script} ${words.join(' ')}\n`);
  const run = spawnSync('bash', [`${beds}${script}`, ...words], {
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (run.status !== 0)
    throw new Error(`${script} ${words.join(' ')} failed (${String(run.status)})`);
  return run.stdout.trim();
}

function start(script: string): string {
  const url = lastLine(bed(script, 'start'));
  started.push(script);
  return url;
}

function lastLine(text: string): string {
  return text.split('\n').at(-1) ?? '';
}

type Need = 'aws' | 'kafka' | 'registry' | 'python' | 'spark' | 'spark-s3' | 'trino';

const EVERYTHING: readonly Need[] = ['aws', 'kafka', 'registry', 'python', 'spark', 'trino'];

/** What the tests of a file need, where that is not everything. */
const NEEDS: Readonly<Record<string, readonly Need[]>> = {
  'catalog-glue': ['aws'],
  constraints: ['spark'],
  'delete-update': ['python', 'spark'],
  dynamodb: ['aws'],
  'dynamodb-spark': ['aws', 'spark', 'spark-s3'],
  erase: ['python'],
  'features-data': ['python', 'spark'],
  'features-log': ['python', 'spark'],
  housekeeping: ['python', 'spark'],
  'local-engines': ['python', 'spark'],
  merge: ['python', 'spark'],
  optimize: ['python', 'spark'],
  registry: ['registry'],
  'row-tracking': ['spark'],
  'store-s3': ['aws'],
};

const everyFile = readdirSync(new URL('../test/interop/', import.meta.url))
  .filter((file) => file.endsWith('.test.ts'))
  .map((file) => file.slice(0, -'.test.ts'.length));

/** The files that a word of vitest's arguments names; an option names none. */
function namedBy(word: string): readonly string[] {
  if (word.startsWith('-')) return [];
  return everyFile.filter((file) => `test/interop/${file}.test.ts`.includes(word));
}

/** The files that vitest will run. */
function chosen(): readonly string[] {
  const named = everyFile.filter((file) => words.some((word) => namedBy(word).includes(file)));
  if (named.length > 0) return named;
  const left = Object.entries(ON_DEMAND).flatMap(([word, slow]) =>
    args.includes(word) ? [] : slow,
  );
  return everyFile.filter((file) => !left.includes(file));
}

function startServers(needs: ReadonlySet<Need>): void {
  if (needs.has('aws')) startAws();
  if (needs.has('kafka')) startKafka();
  if (needs.has('registry')) env['SCHEMA_REGISTRY_URL'] = start('registry.sh');
  if (needs.has('python')) env['ENGINES_PYTHON'] = lastLine(bed('python.sh'));
  if (needs.has('spark')) bed('spark.sh');
  if (needs.has('spark-s3')) installS3();
  if (needs.has('trino')) env['TRINO_URL'] = start('trino.sh');
  if (withPresto) env['PRESTO_URL'] = start('presto.sh');
}

/** What is not on Maven Central everywhere: without it the tests that need it are skipped. */
function installS3(): void {
  try {
    bed('spark.sh', '--with-s3');
  } catch {
    process.stderr.write('[interop] Maven has no delta-storage-s3-dynamodb: set SPARK_S3_JARS\n');
    env['SPARK_S3_MISSING'] = 'true';
  }
}

function startAws(): void {
  if (env['AWS_ENDPOINT_URL'] !== undefined || env['AWS_ENDPOINT_URL_S3'] !== undefined) return;
  const moto = start('moto.sh');
  env['AWS_ENDPOINT_URL'] = moto;
  env['AWS_ENDPOINT_URL_GLUE'] = moto;
  env['AWS_ENDPOINT_URL_S3'] = start('s3.sh');
  env['AWS_ACCESS_KEY_ID'] = 'test';
  env['AWS_SECRET_ACCESS_KEY'] = 'testtest';
  env['AWS_REGION'] ??= 'us-east-1';
}

function startKafka(): void {
  start('kafka.sh');
  for (const line of bed('kafka.sh', 'env').split('\n')) {
    const [name = '', value] = line.split('=');
    env[name] = value;
  }
}

let status = 1;
try {
  const files = chosen();
  startServers(new Set(files.flatMap((file) => NEEDS[file] ?? EVERYTHING)));
  const vitest = spawnSync(
    'vitest',
    [
      'run',
      '--config',
      'test/interop/vitest.config.ts',
      ...files.map((file) => `test/interop/${file}.test.ts`),
      ...words.filter((word) => namedBy(word).length === 0),
    ],
    { cwd: root, env, stdio: 'inherit' },
  );
  status = vitest.status ?? 1;
} finally {
  for (const script of started.reverse()) bed(script, 'stop');
}
process.exitCode = status;
