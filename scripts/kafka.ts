/**
 * A Kafka broker and a schema registry on this machine, to try things with: needs a JDK 25 and Maven. What is downloaded is
 * kept in `~/.cache/delta-testbed`.
 *
 *   node scripts/kafka.ts start     starts both, and prints KAFKA_BROKERS and SCHEMA_REGISTRY_URL
 *   node scripts/kafka.ts stop      stops both; the broker's topics stay
 *   node scripts/kafka.ts wipe      stops both, and deletes all that they hold
 */

import { spawnSync } from 'node:child_process';

const beds = new URL('testbeds/', import.meta.url).pathname;

/** The last line that the script prints. */
function bed(script: string, verb: string): string {
  const run = spawnSync('bash', [`${beds}${script}`, verb], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (run.status !== 0) throw new Error(`${script} ${verb} failed (${String(run.status)})`);
  return run.stdout.trim().split('\n').at(-1) ?? '';
}

const verb = process.argv[2] ?? 'start';
if (verb === 'start') {
  console.log(`KAFKA_BROKERS=${bed('kafka.sh', verb)}`);
  console.log(`SCHEMA_REGISTRY_URL=${bed('registry.sh', verb)}`);
} else if (verb === 'stop' || verb === 'wipe') {
  bed('registry.sh', verb);
  bed('kafka.sh', verb);
} else {
  console.error('usage: node scripts/kafka.ts start|stop|wipe');
  process.exitCode = 2;
}
