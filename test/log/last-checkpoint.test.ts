import { expect, test } from 'vitest';

import { parseLastCheckpoint, printLastCheckpoint } from '../../src/log/index.ts';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

test('prints version, size and parts first, and reads them back', () => {
  const bytes = printLastCheckpoint({ numOfAddFiles: 2, sizeInBytes: 99, size: 4, version: 10 });
  expect(new TextDecoder().decode(bytes)).toBe(
    '{"version":10,"size":4,"numOfAddFiles":2,"sizeInBytes":99}',
  );
  expect(parseLastCheckpoint(bytes)).toEqual({ version: 10, size: 4 });
  expect(parseLastCheckpoint(bytesOf('{"version":1,"size":2,"parts":3}'))).toEqual({
    version: 1,
    size: 2,
    parts: 3,
  });
});

test.each(['', '{"version":10', '[]', '{"version":"10","size":1}', '{"version":-1,"size":1}'])(
  'takes %j for no hint',
  (text) => {
    expect(parseLastCheckpoint(bytesOf(text))).toBeNull();
  },
);
