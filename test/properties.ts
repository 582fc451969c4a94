/** Generated inputs are new in each run, or those of `PROPERTY_SEED` where a run is to be the same as the last. */

import { env } from 'node:process';

const seed = env['PROPERTY_SEED'];
if (seed !== undefined) {
  const { configureGlobal } = await import('fast-check');
  configureGlobal({ seed: Number(seed) });
}
