/** Who takes part in a run of operations. Most work in a rush at the begin of each epoch, and rest for the remainder. */

import { isDeltaError } from '../../../src/base/index.ts';
import { DeltaTable } from '../../../src/table/delta-table.ts';
import { perform, type Plan } from './perform.ts';
import { type Rows, rowsOf } from './rows.ts';
import { EPOCH_MS, EPOCHS, RETENTION_MS } from './terms.ts';
import { anyChange, erasing, firstRows } from './verbs.ts';
import { type Actor, type Desk, MARGIN_MS, type OperationsWorld, TABLE_URI } from './world.ts';

export function castOf(world: OperationsWorld): readonly Actor[] {
  const chance = (share: number): boolean => world.random.float() < share;
  return [
    writer(world, 'writer'),
    writer(world, 'another writer'),
    ...(chance(0.2) ? [writer(world, 'third writer')] : []),
    ...(chance(0.5) ? [packer(world, 'packer')] : []),
    ...(chance(0.8) ? [vacuumer(world, 'vacuumer')] : []),
    ...(chance(0.2) ? [vacuumer(world, 'another vacuumer')] : []),
    ...(world.terms.erases
      ? [eraser(world, 'eraser')]
      : chance(0.5)
        ? [restorer(world, 'restorer')]
        : []),
    ...(chance(0.3) ? [janitor(world, 'janitor')] : []),
    ...(chance(0.7) ? [reader(world, 'reader')] : []),
  ];
}

/** Makes the table, with some rows in a few files. */
export function founder(world: OperationsWorld): Actor {
  const rows = firstRows(world);
  let isMade = false;
  let next = 0;
  let hasHidden = false;
  return {
    name: 'founder',
    run: async (desk) => {
      const { isPartitioned, properties } = world.terms;
      const spec = {
        schema: 'id string, part string, n bigint',
        partitionBy: isPartitioned ? ['part'] : [],
        properties,
        ifNotExists: true,
      };
      while (!isMade) {
        try {
          await DeltaTable.create(desk.tools, TABLE_URI, spec);
          isMade = true;
        } catch (error) {
          if (!isDeltaError(error) || error.kind !== 'unavailable') throw error;
          await desk.tools.clock.sleep(10_000);
        }
      }
      // Nobody lists it before every listing shows it.
      await desk.tools.clock.sleep(100);
      const table = await world.table(desk, null);
      const length = Math.ceil(rows.length / FIRST_FILES);
      for (; next < FIRST_FILES; next += 1) {
        const some = rows.slice(next * length, (next + 1) * length);
        await perform(world, desk, table, appendOf(some));
      }
      if (rows.length > FEW_ROWS && !hasHidden) await perform(world, desk, table, HIDING);
      hasHidden = true;
    },
  };
}

const FIRST_FILES = 2;
const FEW_ROWS = 10;

/** So many rows of each file that the log does not hold them: their vectors stand in a file of their own. */
const HIDING: Plan = {
  verb: 'delete',
  change: (rows) => rows.filter(({ n }) => n % 7 !== 3),
  run: (table) => table.delete({ where: 'n % 7 = 3' }),
};

function appendOf(rows: Rows): Plan {
  return {
    verb: 'append',
    change: (before) => [...before, ...rows],
    run: (table) => table.append({ rows: rows.map((row) => ({ ...row })) }),
  };
}

/** Changes rows in any way, once or twice in each rush. */
function writer(world: OperationsWorld, name: string): Actor {
  return atEpochs(world, name, async (desk, held, life) => {
    const table = await world.table(desk, held);
    const count = world.random.float() < 0.2 ? 2 : 1;
    for (let index = 0; index < count; index += 1) {
      await perform(world, desk, table, anyChange(world, `${life} ${index}`));
    }
    return table;
  });
}

/** Packs files, or lays rows out anew. */
function packer(world: OperationsWorld, name: string): Actor {
  return atEpochs(world, name, async (desk, held) => {
    const table = await world.table(desk, held);
    const chance = world.random.float();
    await perform(world, desk, table, {
      verb: 'optimize',
      change: null,
      run: (it) =>
        chance < 0.15 ? it.reorg() : it.optimize(chance < 0.3 ? { zOrderBy: ['n'] } : {}),
    });
    return table;
  });
}

/** Deletes what is past its retention; it may hold the table for longer than that. */
function vacuumer(world: OperationsWorld, name: string): Actor {
  return atEpochs(world, name, async (desk, held) => {
    const table = await world.table(desk, held, { mayBeOld: true });
    const mode = world.random.float() < 0.7 ? 'full' : 'lite';
    await perform(world, desk, table, {
      verb: 'vacuum',
      change: null,
      run: (it) => it.vacuum({ mode }),
      refusals: ['VACUUM_LITE_INCOMPLETE', 'MANIFEST_CONTENDED'],
    });
    return table;
  });
}

/**
 * Brings a version back that the retention keeps; or between two rushes, when no vacuum is under way, one whose files may
 * be gone: then it must say so.
 */
function restorer(world: OperationsWorld, name: string): Actor {
  return atEpochs(world, name, async (desk, held) => {
    const { ledger, random } = world;
    if (random.float() < 0.4) return held;
    const table = await world.table(desk, held);
    const isOld = random.float() < 0.4;
    if (isOld) await desk.tools.clock.sleep(EPOCH_MS / 2);
    const first = isOld ? 1 : ledger.firstSince(RETENTION_MS - MARGIN_MS);
    const latest = ledger.latest?.version ?? 0;
    const version = Math.min(latest, first + Math.floor(random.float() * (latest - first + 1)));
    await perform(world, desk, isOld ? await world.table(desk, null) : table, {
      verb: 'restore',
      change: (_, rowsAt) => rowsAt(version),
      run: (it) => it.restore({ version }),
      refusals: [
        ...(isOld ? ['RESTORE_FILES_MISSING', 'VERSION_NOT_FOUND', 'LOG_GAP'] : []),
        ...unlisted(world),
      ],
    });
    return isOld ? null : table;
  });
}

/** Erases rows from all that there is of the table. */
function eraser(world: OperationsWorld, name: string): Actor {
  return atEpochs(world, name, async (desk, held) => {
    if (world.random.float() < 0.4) return held;
    const table = await world.table(desk, held);
    await perform(world, desk, table, erasing(world));
    return table;
  });
}

/** Writes a checkpoint, and deletes what the log need not keep. */
function janitor(world: OperationsWorld, name: string): Actor {
  return atEpochs(world, name, async (desk, held) => {
    const table = await world.table(desk, held);
    const change = null;
    await perform(world, desk, table, {
      verb: 'checkpoint',
      change,
      run: async (it) => {
        await it.refresh();
        await it.checkpoint();
        return {};
      },
    });
    await perform(world, desk, table, {
      verb: 'clean up',
      refusals: ['CHECKPOINT_CORRUPT'],
      change,
      run: async (it) => {
        await it.cleanUpLog();
        return {};
      },
    });
    return table;
  });
}

/** Reads a version at once, or an epoch later: what is past by then is still within the retention. */
function reader(world: OperationsWorld, name: string): Actor {
  return atEpochs(world, name, async (desk) => {
    const { ledger, random } = world;
    const mayStay = random.float() < 0.6;
    const first = ledger.firstSince(RETENTION_MS - MARGIN_MS);
    const latest = ledger.latest?.version ?? 0;
    const travel =
      mayStay || random.float() < 0.5
        ? {}
        : { version: first + Math.floor(random.float() * (latest - first + 1)) };
    const table = await world
      .persist(desk, () => DeltaTable.open(desk.tools, TABLE_URI, travel))
      .catch((error: unknown) => {
        if (isDeltaError(error) && unlisted(world).includes(error.code)) return null;
        throw error;
      });
    if (table === null) return null;
    if (mayStay) await desk.tools.clock.sleep(EPOCH_MS + random.float() * 1_000);
    const { version } = table.snapshot;
    try {
      const rows = await world.persist(desk, () => rowsOf(table));
      world.seen.push({ who: name, version, rows });
    } catch (error) {
      if (!isDeltaError(error, 'TABLE_FILE_MISSING') || !ledger.isErased(version)) throw error;
    }
    return null;
  });
}

/** What is said of a version that no listing shows yet, or that left the log with what was erased. */
function unlisted({ objects, terms }: OperationsWorld): readonly string[] {
  if (terms.erases) return ['VERSION_NOT_FOUND', 'LOG_GAP'];
  return objects.faults.listing === 'stale' ? ['VERSION_NOT_FOUND'] : [];
}

/** What a process does in a rush with the table that it held last; it goes on from where it was when it crashed. */
type Step = (desk: Desk, held: DeltaTable | null, life: string) => Promise<DeltaTable | null>;

function atEpochs(world: OperationsWorld, name: string, step: Step): Actor {
  let epoch = 0;
  let lives = 0;
  return {
    name,
    run: async (desk) => {
      lives += 1;
      const life = lives;
      let held: DeltaTable | null = null;
      while (epoch < EPOCHS) {
        await world.rush(desk, epoch);
        held = await step(desk, held, `${name} ${life} ${epoch}`);
        epoch += 1;
      }
    },
  };
}
