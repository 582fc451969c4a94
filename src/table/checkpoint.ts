/** Writing checkpoints, so that a table opens without its whole log. */

import type { TableSnapshot } from './snapshot.ts';
import type { TableContext } from './types.ts';

export async function writeCheckpoint(_ctx: TableContext, _snapshot: TableSnapshot): Promise<void> {}
