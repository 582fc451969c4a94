/** One run by its seed: who takes part, what goes wrong, and what came of it. */

import { createHash } from 'node:crypto';

import { isDeltaError, seededRandom } from '../../src/base/index.ts';
import { parseDdl, printSchema } from '../../src/schema/index.ts';
import { commitTransaction } from '../../src/table/commit.ts';
import { CALM, chooseFaults } from './faults.ts';
import { job, producer } from './job.ts';
import { checkpointer, compactor, janitor, reader } from './keepers.ts';
import { Violation } from './model.ts';
import { type Actor, World } from './world.ts';
import {
  administrator,
  appender,
  batchWriter,
  deleter,
  deriver,
  ingester,
  merger,
  packer,
  worker,
} from './writers.ts';

export interface SimResult {
  readonly seed: number;
  readonly versions: number;
  readonly steps: number;
  /** Of everything that happened, in order. */
  readonly hash: string;
}

/** How many seeds there are between two that write checkpoints as the project does, in Parquet. */
const PARQUET_EVERY = 100;
/** Files that the source of the job gets. */
const SOURCE_FILES = 3;

/** Runs a seed to its end. Throws a `Violation`, which names the seed, where a rule of the table was broken. */
export async function simulate(seed: number): Promise<SimResult> {
  const random = seededRandom(seed);
  const faults = random.float() < 0.1 ? CALM : chooseFaults(random);
  const world = new World(seed, faults);
  const { stackTraceLimit } = Error;
  // Most errors here are planned, and where they come from is a tenth of what a run costs.
  Error.stackTraceLimit = 0;
  try {
    const numbersRows = random.float() < 0.3;
    if (numbersRows) world.model.numberRows();
    await world.run([founder(numbersRows)]);
    await world.run(cast(world, seed));
    await world.judgeEnd();
    judgeRows(world);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Violation(`seed ${seed}: ${why}\n${world.trace.slice(-12).join('\n')}`, {
      cause: error,
    });
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
  const hash = createHash('sha256').update(world.trace.join('\n')).digest('hex');
  const versions = world.model.versions.length;
  return { seed, versions, steps: world.scheduler.steps, hash };
}

const CONTESTED = { batches: 3, appId: 'batches', steps: 3, workerApp: 'progress' } as const;

/** Most runs are small, as few processes show most of what can go wrong; of these, one has everybody in it. */
const LARGE_EVERY = 20;

/** Some of all kinds, by chance; those who prove something together come together. */
function cast(world: World, seed: number): readonly Actor[] {
  const { random } = world;
  const isLarge = seed % LARGE_EVERY === 0;
  const isParquet = seed % PARQUET_EVERY === 0;
  const { batches, appId, steps, workerApp } = CONTESTED;
  const groups: readonly (() => readonly Actor[])[] = [
    () => [appender(world, 'appender', 3)],
    () => ['one', 'two'].map((name) => batchWriter(world, `batches ${name}`, appId, batches)),
    () => ['one', 'two'].map((name) => worker(world, `worker ${name}`, workerApp, steps)),
    () => [merger(world, 'merger', 3), merger(world, 'another merger', 3)],
    () => [deleter(world, 'deleter', 2)],
    () => [packer(world, 'packer', 2)],
    () => [deriver(world, 'deriver', 3)],
    () => [ingester(world, 'ingester', 2), ingester(world, 'another ingester', 2)],
    () => [
      administrator(world, 'administrator', 2),
      administrator(world, 'another administrator', 2),
    ],
    () => [producer(world, 'producer', SOURCE_FILES), job(world, 'job', SOURCE_FILES)],
  ];
  const writers = groups
    .filter(() => random.float() < (isLarge ? 0.7 : 0.2))
    .flatMap((make) => make());
  const keepers = [
    reader(world, 'reader', isLarge ? 5 : 2),
    ...(random.float() < 0.5
      ? [checkpointer(world, 'checkpointer', { count: isLarge ? 4 : 2, isParquet })]
      : []),
    ...(random.float() < 0.3 ? [compactor(world, 'compactor', 2)] : []),
    // A torn checkpoint and a log without its start is a table that is lost, whoever reads it.
    ...(random.float() < 0.3 && !isParquet ? [janitor(world, 'janitor', 2)] : []),
  ];
  return [appender(world, 'first appender', 2), ...writers, ...keepers];
}

/** Makes the table, by request one that numbers its rows. */
function founder(numbersRows: boolean): Actor {
  const schema = parseDdl('n bigint, part string');
  return {
    name: 'founder',
    run: async (ctx) => {
      for (;;) {
        try {
          const { kind } = await commitTransaction(ctx, null, {
            operation: 'CREATE TABLE',
            reads: { kind: 'nothing' },
            actions: [
              {
                kind: 'protocol',
                protocol: {
                  minReaderVersion: 1,
                  minWriterVersion: 7,
                  writerFeatures: ['domainMetadata', ...(numbersRows ? ['rowTracking'] : [])],
                },
              },
              {
                kind: 'metaData',
                metaData: {
                  id: ctx.random.uuid(),
                  format: { provider: 'parquet', options: {} },
                  schemaString: printSchema(schema),
                  partitionColumns: ['part'],
                  configuration: { 'delta.checkpointInterval': '1000000' },
                },
              },
            ],
          });
          // Nobody lists it before every listing shows it.
          await ctx.clock.sleep(100);
          if (kind === 'committed' || kind === 'conflict') return;
        } catch (error) {
          if (!isDeltaError(error) || error.kind !== 'unavailable') throw error;
          await ctx.clock.sleep(1_000);
        }
      }
    },
  };
}

/** What was to come exactly once came exactly once; rows may have been deleted by those who delete. */
function judgeRows(world: World): void {
  const inserted = new Map<string, number>();
  for (const id of world.model.committedAt.keys()) {
    for (const row of world.model.operations.get(id)?.inserts ?? []) {
      inserted.set(row, (inserted.get(row) ?? 0) + 1);
    }
  }
  const { txns } = world.model.at(world.model.versions.length - 1);
  for (const [app, count] of [
    [CONTESTED.appId, CONTESTED.batches],
    [CONTESTED.workerApp, CONTESTED.steps],
  ] as const) {
    if (!txns.has(app)) continue;
    for (let version = 0; version < count; version += 1) {
      const times = inserted.get(`${app}-${version}`) ?? 0;
      if (times !== 1) throw new Violation(`${app} ${version} came ${times} times`);
    }
  }
  for (const [row, times] of inserted) {
    if (row.startsWith('in ') && times !== 1) throw new Violation(`${row} came ${times} times`);
  }
}
