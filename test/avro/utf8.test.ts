import * as fc from 'fast-check';
import { isUtf8 } from 'node:buffer';
import { describe, expect, it } from 'vitest';

import { isShortUtf8 } from '../../src/avro/utf8.ts';

/** The first and last bytes of what may begin a character, or go on with one. */
const EDGES = Buffer.from('00417f808f909fa0bfc0c1c2dfe0e1ecedeeeff0f1f3f4f5ff', 'hex');
const edges = fc.constantFrom(...EDGES);

describe('short texts', () => {
  it('are judged as Node judges them', () => {
    const bytes = fc.array(edges, { maxLength: 7 }).map((list) => Uint8Array.from(list));
    fc.assert(
      fc.property(bytes, (it) => {
        expect(isShortUtf8(it, 0, it.length)).toBe(isUtf8(it));
      }),
      { numRuns: 20_000 },
    );
  });
});
