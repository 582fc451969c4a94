/** Every table of the corpus whose changes are known. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { Engine } from '../../../src/engine/index.ts';
import {
  checkChanges,
  corpusDirectory,
  sharedSessionEngine,
  tablesWithChanges,
} from '../corpus.ts';

const directory = corpusDirectory();

if (directory === null) {
  test.skip('no corpus on this machine: set DELTA_CORPUS', () => undefined);
} else {
  const tables = await tablesWithChanges(directory);
  let engine: Engine;
  beforeAll(async () => {
    engine = await sharedSessionEngine();
  });
  afterAll(async () => {
    await engine.close();
  });

  describe('the changes that other readers see', () => {
    test.for(tables.map(({ id }) => id))('%s', async (id) => {
      const { sha256, expected } = await checkChanges(directory, id, engine);
      expect(expected).toEqual([sha256]);
    });
  });
}
