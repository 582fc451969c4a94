/** Who takes part in a run. */

import { isDeltaError } from '../../src/base/index.ts';
import { commitTransaction } from '../../src/table/commit.ts';
import { listLog } from '../../src/table/log-files.ts';
import { administrator, enabler } from './administrators.ts';
import { appender, batchWriter, ingester, sleeper, worker } from './appenders.ts';
import { marker } from './foreign.ts';
import { group } from './group.ts';
import { restorer, vacuumer } from './housekeepers.ts';
import { expiry, janitor } from './janitors.ts';
import { job, producer } from './job.ts';
import { checkpointer, compactor, doctor } from './keepers.ts';
import { reader } from './readers.ts';
import { deleter, deriver, merger, packer } from './rewriters.ts';
import { foundingActions } from './terms.ts';
import type { Actor, World } from './world.ts';

/** Applications whose batches several run at once, and how many there are. */
export const CONTESTED = {
  batches: { appId: 'batches', count: 3 },
  grouped: { appId: 'grouped', count: 2 },
  progress: { appId: 'progress', count: 3 },
} as const;

/** Files that the source of the job gets. */
const SOURCE_FILES = 3;
/** Most runs are small, as few processes show most of what can go wrong; of these, one has everybody in it. */
const LARGE_EVERY = 20;

/** Some of all kinds, by chance; those who prove something together come together. */
export function castOf(world: World, seed: number): readonly Actor[] {
  const { random, terms } = world;
  const isLarge = seed % LARGE_EVERY === 0;
  const { batches, grouped, progress } = CONTESTED;
  const chance = (share: number): boolean => random.float() < share;
  const restores =
    terms.hasFiles && !terms.isMixed && !terms.features.includes('rowTracking') && chance(0.6);
  const groups: readonly (() => readonly Actor[])[] = [
    () => [appender(world, 'appender', 3)],
    () => ['one', 'two'].map((name) => batchWriter(world, `batches ${name}`, batches)),
    () => ['one', 'two'].map((name) => worker(world, `worker ${name}`, progress)),
    () => [merger(world, 'merger', 3), merger(world, 'another merger', 3)],
    () => [deleter(world, 'deleter', 2)],
    () => [packer(world, 'packer', 2), deriver(world, 'beside the packer', 2)],
    () => [deriver(world, 'deriver', 3)],
    () => [ingester(world, 'ingester', 2), ingester(world, 'another ingester', 2)],
    // What they count up, a restored table counts again.
    ...(restores
      ? []
      : [
          () => [
            administrator(world, 'administrator', 2),
            administrator(world, 'another administrator', 2),
          ],
          () => [enabler(world, 'enabler')],
        ]),
    // Its folders are within the table, where a vacuum takes them for files that nobody needs.
    ...(terms.hasFiles
      ? []
      : [() => [producer(world, 'producer', SOURCE_FILES), job(world, 'job', SOURCE_FILES)]]),
  ];
  const hasVectors = terms.features.includes('deletionVectors');
  const isSparse = terms.isParquet && !isLarge;
  return [
    appender(world, 'first appender', 2),
    ...(hasVectors ? [marker(world, 'marker', 3), deriver(world, 'beside the marker', 2)] : []),
    ...groups
      .filter(() => chance(isLarge ? 0.55 : isSparse ? 0.1 : 0.14))
      .flatMap((make) => make()),
    ...(chance(isSparse ? 0 : 0.22)
      ? [
          group(world, 'group', { count: 2, appId: grouped.appId, batches: grouped.count }),
          ...(chance(0.5) ? [batchWriter(world, 'beside the group', grouped)] : []),
        ]
      : []),
    reader(world, 'reader', isLarge ? 5 : 2),
    ...(chance(terms.isParquet ? 1 : 0.5)
      ? [checkpointer(world, 'checkpointer', isLarge || terms.isParquet ? 4 : 2)]
      : []),
    ...(chance(0.3) ? [compactor(world, 'compactor', 2)] : []),
    ...(chance(terms.isParquet ? 0.6 : 0.3)
      ? [
          janitor(world, 'janitor', 2),
          sleeper(world, 'sleeper'),
          reader(world, 'beside the janitor', 8),
        ]
      : []),
    ...(chance(0.05) ? [doctor(world, 'doctor', 2)] : []),
    ...(terms.isCoordinated ? [expiry(world, 'expiry', 6)] : []),
    ...(restores ? [restorer(world, 'restorer', 4)] : []),
    ...(terms.hasFiles
      ? [vacuumer(world, 'vacuumer', 3), deleter(world, 'beside the vacuumer', 3)]
      : []),
  ];
}

/** Makes the table. */
export function founder(world: World): Actor {
  return {
    name: 'founder',
    run: async (ctx) => {
      for (;;) {
        try {
          const { kind } = await commitTransaction(ctx, null, {
            operation: 'CREATE TABLE',
            reads: { kind: 'nothing' },
            actions: foundingActions(world.terms, ctx.random),
          });
          // Nobody lists it before every listing shows it; who lists first finishes it, where a log table decided it.
          await listLog(ctx.store, 0);
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
