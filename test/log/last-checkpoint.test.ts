import { describe, expect, test } from 'vitest';

import { parseLastCheckpoint, printLastCheckpoint } from '../../src/log/index.ts';
import { jsonChecksums } from '../../src/log/json-checksum.ts';
import { METADATA, PROTOCOL } from './actions.ts';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

test('prints version, size and parts first, and reads them back', () => {
  const bytes = printLastCheckpoint({ numOfAddFiles: 2, sizeInBytes: 99, size: 4, version: 10 });
  expect(new TextDecoder().decode(bytes)).toMatch(
    /^{"version":10,"size":4,"numOfAddFiles":2,"sizeInBytes":99,"checksum":"[0-9a-f]{32}"}$/,
  );
  expect(parseLastCheckpoint(bytes)).toEqual({ version: 10, contents: null });
  expect(parseLastCheckpoint(bytesOf('{"version":1,"size":2,"parts":3}'))).toEqual({
    version: 1,
    contents: null,
  });
});

test.each([
  '',
  '{"version":10',
  '[]',
  '{"version":"10","size":1}',
  '{"version":-1,"size":1}',
  '{"version":1,"size":1,"checksum":"6a92d155a59bf2eecbd4b4ec7fd1f875"}',
  '{"version":1,"size":1,"checksum":7}',
])('takes %j for no hint', (text) => {
  expect(parseLastCheckpoint(bytesOf(text))).toBeNull();
});

describe('the copy of a V2 checkpoint', () => {
  const name = '00000000000000000003.checkpoint.80a083e8-7026-4e79-81be-64bd76c43a11.json';
  const whole = {
    path: name,
    sizeInBytes: 686,
    modificationTime: 1,
    nonFileActions: [
      { protocol: PROTOCOL },
      { metaData: METADATA },
      { checkpointMetadata: { version: 3 } },
    ],
    sidecarFiles: [{ path: 'a.parquet', sizeInBytes: 1, modificationTime: 1 }],
  };

  function hint(v2Checkpoint: object, { signed = true } = {}): Uint8Array {
    const members = { version: 3, size: 4, v2Checkpoint };
    const [checksum] = jsonChecksums(JSON.stringify(members));
    return bytesOf(JSON.stringify(signed ? { ...members, checksum } : members));
  }

  test('is taken where it is whole and signed', () => {
    const contents = parseLastCheckpoint(hint(whole))?.contents;
    expect([contents?.name, contents?.sizeBytes]).toEqual([name, 686]);
    expect(contents?.actions.map(({ kind }) => kind)).toEqual([
      'protocol',
      'metaData',
      'unknown',
      'unknown',
    ]);
  });

  test.each([
    ['not signed', hint(whole, { signed: false })],
    [
      'without its sidecars, as files may be in the checkpoint',
      hint({ ...whole, sidecarFiles: [] }),
    ],
    ['without its other actions', hint({ ...whole, nonFileActions: null })],
    ['without a name', hint({ ...whole, path: undefined })],
  ])('is passed over %s', (_case, bytes) => {
    expect(parseLastCheckpoint(bytes)).toEqual({ version: 3, contents: null });
  });
});
