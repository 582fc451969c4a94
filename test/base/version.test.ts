import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

import { PACKAGE_VERSION } from '../../src/base/index.ts';

test('is the version that the package is published as', () => {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  expect(JSON.parse(text)).toMatchObject({ version: PACKAGE_VERSION });
});
