import { describe, expect, it } from 'vitest';
import * as deltawright from '../../src/index.ts';

describe('the public API', () => {
  it('exports these values, and no others by accident', () => {
    expect(Object.keys(deltawright).sort()).toMatchInlineSnapshot(`
      [
        "DeltaError",
        "convertTable",
        "createTable",
        "defineConfig",
        "examineTable",
        "fileCatalog",
        "glueCatalog",
        "isDeltaError",
        "loadConfig",
        "openTable",
        "parseConfig",
        "runJob",
        "tableTools",
      ]
    `);
  });
});
