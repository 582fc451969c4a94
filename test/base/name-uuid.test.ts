import { expect, test } from 'vitest';

import { nameUuid } from '../../src/base/index.ts';

test('a name has one UUID of version 8, and other names have others', () => {
  const uuid = nameUuid(['checkpoint', 3, null]);
  expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(nameUuid(['checkpoint', 3, null])).toBe(uuid);
  expect(nameUuid(['checkpoint', 3, ''])).not.toBe(uuid);
  expect(nameUuid(['checkpoint', '3', null])).not.toBe(uuid);
});
