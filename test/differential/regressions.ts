/** Programs that failed once, made as small as they still did. */

import type { Program } from './program.ts';

export const REGRESSIONS: readonly Program[] = [
  {
    name: 'rows laid out along a curve keep the sign of their zeros',
    store: 'memory',
    schema: 'k double, n smallint',
    partitionBy: [],
    properties: {},
    steps: [
      {
        do: 'append',
        schema: 'k double, n smallint',
        rows: [
          { k: -0, n: 1 },
          { k: 0, n: 0 },
        ],
      },
      { do: 'optimize', zOrderBy: ['k', 'n'] },
      { do: 'optimize', zOrderBy: ['k'] },
    ],
  },
];
