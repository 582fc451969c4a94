/** Programs that failed once, made as small as they still did. */

import type { Program, Step } from './program.ts';

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
  {
    name: 'a merge that updates the key of a table of nothing else to what it is changes nothing',
    store: 'memory',
    schema: 'k decimal(1,0)',
    partitionBy: [],
    properties: {},
    steps: [
      { do: 'append', schema: 'k decimal(1,0)', rows: [{ k: '9' }] },
      {
        do: 'merge',
        schema: 'k decimal(1,0)',
        on: {
          op: '=',
          args: [
            { column: ['s', 'k'], type: 'decimal(1,0)' },
            { column: ['t', 'k'], type: 'decimal(1,0)' },
          ],
        },
        matched: [{ set: '*' }],
        inserted: [],
        bySource: [],
        rows: [{ k: '9' }],
      },
    ],
  },
  {
    name: 'a merge that only deletes brings the new columns of its source too',
    store: 'memory',
    schema: 'k int',
    partitionBy: [],
    properties: {},
    steps: [
      { do: 'append', schema: 'k int', rows: [{ k: 1 }] },
      {
        do: 'merge',
        schema: 'k int, more boolean',
        evolve: true,
        on: {
          op: '=',
          args: [
            { column: ['s', 'k'], type: 'int' },
            { column: ['t', 'k'], type: 'int' },
          ],
        },
        matched: [{ delete: true }],
        inserted: [{ insert: '*' }],
        bySource: [],
        rows: [{ k: 1, more: true }],
      },
    ],
  },
  ...(['delete', 'merge'] as const).map((kind): Program => {
    const [kept, gone] = [Uint8Array.of(255, 0, 1), Uint8Array.of(195, 169)];
    const k = { column: ['k'], type: 'binary' } as const;
    const last: Step =
      kind === 'delete'
        ? { do: 'delete', where: { op: '=', args: [k, { value: kept, type: 'binary' }] } }
        : {
            do: 'merge',
            schema: 'k binary',
            on: {
              op: '=',
              args: [
                { column: ['s', 'k'], type: 'binary' },
                { column: ['t', 'k'], type: 'binary' },
              ],
            },
            matched: [{ delete: true }],
            inserted: [],
            bySource: [],
            rows: [{ k: kept }],
          };
    return {
      name: `a ${kind} finds bytes in a file that has a Bloom filter`,
      store: 'memory',
      schema: 'k binary',
      partitionBy: [],
      properties: {},
      steps: [
        { do: 'append', schema: 'k binary', rows: [{ k: kept }, { k: gone }] },
        { do: 'delete', where: { op: '=', args: [k, { value: gone, type: 'binary' }] } },
        last,
      ],
    };
  }),
];
