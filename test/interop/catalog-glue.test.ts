import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';

import { systemClock, systemRandom } from '../../src/base/index.ts';
import { glueCatalog } from '../../src/catalog/index.ts';
import { catalogContract } from '../catalog/contract.ts';

const clock = systemClock;
const random = systemRandom;

catalogContract('Glue', () =>
  Promise.resolve({
    catalog: glueCatalog({ clock, random }),
    database: `db_${randomUUID().replaceAll('-', '')}`,
    close: () => Promise.resolve(),
  }),
);

test('an address where nobody answers is CATALOG_NO_ENDPOINT', async () => {
  const catalog = glueCatalog({ clock, random, endpoint: 'http://127.0.0.1:1' });
  await expect(catalog.getTable({ database: 'a', table: 'b' })).rejects.toMatchObject({
    code: 'CATALOG_NO_ENDPOINT',
  });
});
