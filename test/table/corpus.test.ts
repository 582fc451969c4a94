/** Every table of the corpus whose rows are known: read right, or refused by the name of a feature. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { Engine } from '../../src/engine/index.ts';
import {
  checkNegative,
  checkTable,
  corpusDirectory,
  negativeTables,
  readableTables,
  sharedSessionEngine,
} from './corpus.ts';

const directory = corpusDirectory();

if (directory === null) {
  test.skip('no corpus on this machine: set DELTA_CORPUS', () => undefined);
} else {
  const tables = await readableTables(directory);
  const negatives = await negativeTables(directory);
  let engine: Engine;
  beforeAll(async () => {
    engine = await sharedSessionEngine();
  });
  afterAll(async () => {
    await engine.close();
  });

  describe('the rows that other readers see', () => {
    test.for(tables.map(({ id }) => id))('%s', async (id, { skip }) => {
      for await (const { version, outcome } of checkTable(directory, id, engine)) {
        if (outcome.kind === 'refused') skip(outcome.reason);
        expect(outcome, `version ${String(version ?? 'latest')}`).toEqual({ kind: 'equal' });
      }
    });
  });

  describe('what must not be taken for a sound table, or not be written to', () => {
    test.for(negatives.map(({ id }) => id))('%s is refused', async (id) => {
      const line = await checkNegative(directory, id, engine);
      // What may be read takes no row: nothing at all is written to its folder.
      const refusal = 'error' in line ? line : line.append;
      expect(refusal?.code).toMatch(/^[A-Z_]{6,}$/);
      expect(refusal?.code).not.toBe('UNEXPECTED');
      expect(refusal?.error.length).toBeGreaterThan(40);
    });
  });
}
