/**
 * Installs and starts the real servers and engines (moto, versitygw, Kafka, a schema registry, Trino, Spark, delta-rs, DuckDB),
 * runs the interop tests against them, and stops what it started. With `AWS_ENDPOINT_URL` or `AWS_ENDPOINT_URL_S3` and `_GLUE`
 * set, those are used instead of moto and versitygw, with the credentials of the environment.
 *
 *   node scripts/interop.ts [--with-presto] [--with-streaming] [vitest arguments…]
 *
 * The takeovers of Spark's streaming jobs take minutes: they run with `--with-streaming`, or alone by `scripts/prove/spark.ts`.
 */

import { spawnSync } from 'node:child_process';

const beds = new URL('testbeds/', import.meta.url).pathname;
const root = new URL('..', import.meta.url).pathname;
const args = process.argv.slice(2);
const withPresto = args.includes('--with-presto');
const withStreaming = args.includes('--with-streaming');
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

function startServers(): void {
  if (env['AWS_ENDPOINT_URL'] === undefined && env['AWS_ENDPOINT_URL_S3'] === undefined) {
    const moto = start('moto.sh');
    env['AWS_ENDPOINT_URL'] = moto;
    env['AWS_ENDPOINT_URL_GLUE'] = moto;
    env['AWS_ENDPOINT_URL_S3'] = start('s3.sh');
    env['AWS_ACCESS_KEY_ID'] = 'test';
    env['AWS_SECRET_ACCESS_KEY'] = 'testtest';
    env['AWS_REGION'] ??= 'us-east-1';
  }
  start('kafka.sh');
  for (const line of bed('kafka.sh', 'env').split('\n')) {
    const [name = '', value] = line.split('=');
    env[name] = value;
  }
  env['SCHEMA_REGISTRY_URL'] = start('registry.sh');
  env['ENGINES_PYTHON'] = lastLine(bed('python.sh'));
  bed('spark.sh');
  env['TRINO_URL'] = start('trino.sh');
  if (withPresto) env['PRESTO_URL'] = start('presto.sh');
}

let status = 1;
try {
  startServers();
  const vitest = spawnSync(
    'vitest',
    [
      'run',
      '--config',
      'test/interop/vitest.config.ts',
      ...(withStreaming ? [] : ['--exclude', 'test/interop/spark-streaming.test.ts']),
      ...args.filter((word) => !['--with-presto', '--with-streaming'].includes(word)),
    ],
    { cwd: root, env, stdio: 'inherit' },
  );
  status = vitest.status ?? 1;
} finally {
  for (const script of started.reverse()) bed(script, 'stop');
}
process.exitCode = status;
