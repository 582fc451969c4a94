/**
 * Proves that jobs of Spark Structured Streaming are taken over, and ours by Spark: starts a broker and a registry of its own,
 * installs Spark, and runs `test/interop/spark-streaming.test.ts` against them.
 *
 *     npm run prove:spark [-- vitest arguments…]
 */

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

import { Bed } from './bed.ts';

const root = new URL('../..', import.meta.url).pathname;
const bed = await Bed.start('prove-spark');
await bed.during(() => {
  const env = {
    ...process.env,
    TESTBED_RUN: join(bed.folder, 'bed'),
    KAFKA_BROKERS: bed.brokers,
    SCHEMA_REGISTRY_URL: bed.registry,
  };
  const config = ['--config', 'test/interop/vitest.config.ts', 'test/interop/spark-streaming'];
  const words = ['run', ...config, ...process.argv.slice(2)];
  // Installed before the time of a test runs.
  const commands = [
    ['bash', 'scripts/testbeds/spark.sh'],
    ['vitest', ...words],
  ] as const;
  for (const [command, ...args] of commands) {
    process.exitCode ||= spawnSync(command, args, { cwd: root, env, stdio: 'inherit' }).status ?? 1;
  }
  return Promise.resolve();
});
