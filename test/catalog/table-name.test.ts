import { expect, test } from 'vitest';

import { catalogName, tableName } from '../../src/catalog/index.ts';

test('a name with a database stands for itself, one without is in the one given', () => {
  expect(tableName('Sales.Orders', 'other')).toEqual({ database: 'sales', table: 'orders' });
  expect(tableName('orders', 'Sales')).toEqual({ database: 'sales', table: 'orders' });
  expect(tableName('orders', null)).toBeNull();
});

test('what is no plain word is refused', () => {
  for (const text of ['a.b.c', '.b', 'a.', 'a b', '-a', 'x'.repeat(256)]) {
    expect(() => tableName(text, 'sales')).toThrow(
      expect.objectContaining({ code: 'CATALOG_BAD_NAME', kind: 'invalid' }),
    );
  }
  expect(catalogName('Ação_1-b')).toBe('ação_1-b');
});
