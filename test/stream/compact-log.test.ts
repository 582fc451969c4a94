import { expect, test } from 'vitest';

import { ManualClock } from '../../src/base/index.ts';
import { memoryStore, type ObjectStore } from '../../src/store/index.ts';
import { CompactLog, LOG_START, type LogPosition } from '../../src/stream/compact-log.ts';
import { checkpointBroken, checkpointVersion } from '../../src/stream/errors.ts';
import { linesOf, printBody } from '../../src/stream/log-body.ts';

const FAULTS = { broken: checkpointBroken, version: checkpointVersion };
const clock = new ManualClock(1000);

function newStore(): ObjectStore {
  return memoryStore({ clock }).at('log');
}

async function text(store: ObjectStore, path: string): Promise<string> {
  return Buffer.from((await store.get(path)).bytes).toString();
}

async function names(store: ObjectStore): Promise<string[]> {
  const found: string[] = [];
  for await (const { path } of store.list('')) found.push(path);
  return found;
}

/** A line for batch `offset`, some kilobytes long where a log must get long soon. */
function lineOf(offset: number, fill = 0): string {
  return `{"batch":${offset},"fill":"${'x'.repeat(fill)}"}`;
}

async function fill(log: CompactLog, through: number, bytes = 0): Promise<void> {
  while (log.latest < through) await log.append(printBody([lineOf(log.latest + 1, bytes)]));
}

async function batchesAfter(log: CompactLog, since: LogPosition): Promise<number[]> {
  const { body } = await log.read(since);
  return [...linesOf(body)].map((line) => Number(/\d+/.exec(line)?.[0]));
}

/** What Spark reads: the interval from the last two compact files, then each batch under the name that it must have. */
async function readAsSpark(store: ObjectStore): Promise<string[]> {
  const found = await names(store);
  const compacts = found
    .filter((name) => name.endsWith('.compact'))
    .map((name) => Number.parseInt(name, 10))
    .sort((a, b) => b - a);
  const latest = Math.max(...found.map((name) => Number.parseInt(name, 10)));
  const [last = 9, before = last - 10] = compacts;
  const interval = last - before;
  const start = Math.max(0, Math.floor((latest + 1) / interval) * interval - 1);
  const lines: string[] = [];
  for (let batch = start; batch <= latest; batch += 1) {
    const name = (batch + 1) % interval === 0 ? `${batch}.compact` : `${batch}`;
    lines.push(...(await text(store, name)).split('\n').slice(1));
  }
  return lines;
}

test('every tenth file holds all before it, and a batch without lines is its version alone', async () => {
  const store = newStore();
  const log = await CompactLog.open(store, FAULTS);
  await log.append(printBody([]));
  await fill(log, 10);
  expect(await text(store, '0')).toBe('v1');
  expect((await text(store, '9.compact')).split('\n')).toEqual([
    'v1',
    ...[1, 2, 3, 4, 5, 6, 7, 8, 9].map((offset) => lineOf(offset)),
  ]);
  expect(await text(store, '10')).toBe(`v1\n${lineOf(10)}`);
});

test('a reader goes on from its position: in plain files, and at the end of a compact one', async () => {
  const store = newStore();
  const log = await CompactLog.open(store, FAULTS);
  const reader = await CompactLog.open(store, FAULTS);
  let position = LOG_START;
  const seen: number[] = [];
  for (const through of [3, 4, 12, 29, 29, 45]) {
    await fill(log, through);
    await reader.advance();
    const portion = await reader.read(position);
    expect(portion.isRestarted).toBe(false);
    seen.push(...(await batchesAfter(reader, position)));
    position = portion.position;
    expect(position.offset).toBe(through);
  }
  expect(seen).toEqual(Array.from({ length: 46 }, (_, index) => index));
});

test('only the end of a compact file is read by who knows what comes before', async () => {
  const store = newStore();
  const log = await CompactLog.open(store, FAULTS);
  await fill(log, 8, 50_000);
  const { position } = await log.read(LOG_START);
  await fill(log, 9);
  const { body } = await log.read(position);
  expect(body.length).toBe(lineOf(9).length + 1);
});

test('a log that is another one is read from its beginning', async () => {
  const [first, second] = [newStore(), newStore()];
  const log = await CompactLog.open(first, FAULTS);
  await fill(log, 12);
  const { position } = await log.read(LOG_START);
  const other = await CompactLog.open(second, FAULTS);
  await fill(other, 4);
  expect((await other.read(position)).isRestarted).toBe(true);
  await fill(other, 30, 3);
  const portion = await other.read(position);
  expect(portion).toMatchObject({ isRestarted: true, position: { offset: 30 } });
  expect([...linesOf(portion.body)]).toHaveLength(31);
});

test('a long log is compacted less often, and Spark reads it at every batch', async () => {
  const store = newStore();
  const log = await CompactLog.open(store, FAULTS);
  const compacted: number[] = [];
  for (let batch = 0; batch < 240; batch += 1) {
    await fill(log, batch, 40_000);
    if ((await store.head(`${batch}.compact`)) !== null) compacted.push(batch);
    if (batch % 10 === 9) await log.clean();
    if (batch % 7 !== 0 && batch % 20 < 18) continue;
    expect(await readAsSpark(store)).toHaveLength(batch + 1);
    const opened = await CompactLog.open(store, FAULTS);
    expect(await batchesAfter(opened, LOG_START)).toHaveLength(batch + 1);
  }
  const distances = compacted.slice(1).map((batch, index) => batch - (compacted[index] ?? 0));
  expect(distances.slice(0, 3)).toEqual([10, 10, 10]);
  expect(distances.at(-1)).toBeGreaterThanOrEqual(40);
});

test('a reader that was overtaken by the deletion of old files finds the rest', async () => {
  const store = newStore();
  const log = await CompactLog.open(store, FAULTS);
  const reader = await CompactLog.open(store, FAULTS);
  await fill(log, 3);
  await reader.advance();
  const { position } = await reader.read(LOG_START);
  await fill(log, 140);
  await log.clean();
  await reader.advance();
  await reader.refresh();
  expect((await batchesAfter(reader, position)).length).toBe(137);
});

test('old files go once a compact file a hundred batches behind holds them, three compact files stay', async () => {
  const store = newStore();
  const log = await CompactLog.open(store, FAULTS);
  await fill(log, 121);
  await log.clean();
  const left = await names(store);
  expect(left).not.toContain('18');
  expect(left).toContain('19.compact');
  expect(left).toContain('20');
  expect(await batchesAfter(log, LOG_START)).toHaveLength(122);
});

test('of two processes that saw different intervals, one stops', async () => {
  const store = newStore();
  const log = await CompactLog.open(store, FAULTS);
  await fill(log, 8);
  await store.put('9', Buffer.from(`v1\n${lineOf(9)}`), { kind: 'create' });
  await expect(log.append(printBody([lineOf(9)]))).rejects.toMatchObject({
    code: 'JOB_CONCURRENT',
  });
});

test.each([
  ['a gap', { '1': 'v1' }, 'CHECKPOINT_BROKEN'],
  ['a file without a version', { '0': '{}' }, 'CHECKPOINT_BROKEN'],
  ['a later version', { '0': 'v2\n{}' }, 'CHECKPOINT_VERSION'],
])('%s is refused', async (_case, files, code) => {
  const store = newStore();
  for (const [path, content] of Object.entries(files)) {
    await store.put(path, Buffer.from(content), { kind: 'create' });
  }
  const log = await CompactLog.open(store, FAULTS);
  await expect(log.read(LOG_START)).rejects.toMatchObject({ code });
});
