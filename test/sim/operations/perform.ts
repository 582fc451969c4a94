/** One operation of a process, and what it is told of it. */

import { isDeltaError, messageOf } from '../../../src/base/index.ts';
import type { DeltaTable } from '../../../src/table/delta-table.ts';
import { Violation } from '../table-state.ts';
import { isPassing } from '../world.ts';
import type { Operation, Told } from './ledger.ts';
import type { Change } from './rows.ts';
import type { Desk, OperationsWorld } from './world.ts';

export interface Plan {
  readonly verb: string;
  /** Null where the rows are to stay as they are. */
  readonly change: Change | null;
  /** Default null. */
  readonly erases?: Operation['erases'];
  readonly run: (
    table: DeltaTable,
  ) => Promise<{ readonly kind?: string; readonly version?: number }>;
  /** Codes of errors by which it may be refused. */
  readonly refusals?: readonly string[];
}

const TRIES_MAX = 4;
/** What is said of a file that was erased since the table was opened. */
const ERASED = 'TABLE_FILE_MISSING';

/** Does it, again where the store was to blame and nothing came of it. */
export async function perform(
  world: OperationsWorld,
  desk: Desk,
  table: DeltaTable,
  plan: Plan,
): Promise<Told> {
  let told: Told = 'refused';
  for (let count = 0; count < TRIES_MAX && told === 'refused'; count += 1) {
    if (count > 0) await desk.tools.clock.sleep(world.objects.isDown() ? 10_000 : 30);
    told = await attempt(world, desk, table, plan);
  }
  return told;
}

async function attempt(
  { ledger, terms }: OperationsWorld,
  { process }: Desk,
  table: DeltaTable,
  { verb, change, erases = null, run, refusals = [] }: Plan,
): Promise<Told> {
  const operation = ledger.begin({ verb, change, erases, from: table.snapshot.version });
  process.task = operation.id;
  try {
    const { kind, version } = await run(table);
    if (kind === 'applied') throw new Violation(`${operation.id} was told that it is applied`);
    ledger.tell(operation, kind === 'unchanged' ? 'unchanged' : 'committed', version);
  } catch (error) {
    const isOpen = !process.alive || isDeltaError(error, 'COMMIT_OUTCOME_UNKNOWN');
    const codes = terms.erases ? [...refusals, ERASED] : refusals;
    const isRefused = isPassing(error) || (isDeltaError(error) && codes.includes(error.code));
    if (!isOpen && !isRefused) {
      throw new Violation(`${operation.id}: ${messageOf(error)}`, { cause: error });
    }
    ledger.tell(operation, isOpen ? 'unknown' : 'refused');
    if (!process.alive) throw error;
  } finally {
    delete process.task;
  }
  return operation.told;
}
