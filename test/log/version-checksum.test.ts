import { expect, test } from 'vitest';

import { parseVersionChecksum, printVersionChecksum, Replay } from '../../src/log/index.ts';
import { add, FIRST, METADATA, PROTOCOL } from './actions.ts';

test('holds sizes, protocol and metadata, and gives the last two back', () => {
  const replay = new Replay(null);
  replay.commit([{ kind: 'commitInfo', commitInfo: { txnId: 'id' } }, ...FIRST, add('a')]);
  const bytes = printVersionChecksum(replay.finish(0));
  expect(JSON.parse(new TextDecoder().decode(bytes))).toEqual({
    txnId: 'id',
    tableSizeBytes: 10,
    numFiles: 1,
    numMetadata: 1,
    numProtocol: 1,
    metadata: METADATA,
    protocol: PROTOCOL,
  });
  expect(parseVersionChecksum(bytes, '0.crc')).toEqual({ protocol: PROTOCOL, metadata: METADATA });
});

test('is null where it is torn, wrong or lacks what is wanted', () => {
  const parse = (text: string) => parseVersionChecksum(new TextEncoder().encode(text), '0.crc');
  expect(parse('{"numFiles":1')).toBeNull();
  expect(parse('{"numFiles":1}')).toBeNull();
  expect(parse('{"protocol":{},"metadata":{}}')).toBeNull();
});
