import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type EventMessage, generate } from '../../scripts/e-financeira/events.ts';
import { sendAll } from '../../scripts/e-financeira/live.ts';
import { recount } from '../../scripts/e-financeira/recount.ts';
import { ManualClock } from '../../src/base/index.ts';
import type { Producer, ProducedRecord } from '../../src/stream/kafka/types.ts';

const PLAN = {
  seed: 5,
  count: 400,
  companies: 30,
  partitions: 2,
  startMs: Date.UTC(2026, 10, 22),
  ratePerSecond: 100,
  duplicateShare: 0.05,
  brokenShare: 0.05,
  schemaIds: [1, 2],
} as const;

const script = new URL('../../scripts/produce-eventos.ts', import.meta.url).pathname;
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'produce-'));
});

afterAll(() => rm(folder, { recursive: true }));

/** Runs the script on these words in the test's folder. */
function run(words: string): Promise<{ stdout: string }> {
  const argv = words.split(' ').filter((word) => word !== '');
  return promisify(execFile)(process.execPath, [script, ...argv], { cwd: folder });
}

async function rows(path: string): Promise<Record<string, unknown>[]> {
  const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** What a producer was asked to send, and when. */
function listening(clock: ManualClock): { producer: Producer; sent: [number, ProducedRecord[]][] } {
  const sent: [number, ProducedRecord[]][] = [];
  const producer: Producer = {
    send: async (_topic, records) => {
      sent.push([clock.now(), [...records]]);
      await Promise.resolve();
    },
    transact: () => Promise.reject(new Error('not in a transaction')),
    marker: () => Promise.resolve(null),
    close: () => Promise.resolve(),
  };
  return { producer, sent };
}

describe('produce-eventos', () => {
  it('records a topic, its registry, and what must come of them', async () => {
    const { stdout } = await run(
      '--record gravado --expected esperado --start 2026-11-22T00:00:00Z --rate 100 --count 400 --seed 5 ' +
        '--companies 30 --partitions 2 --duplicates 0.05 --broken 0.05',
    );
    const counted = recount(generate(PLAN), { partitionCount: 2 });
    expect(stdout).toContain(`${counted.detail.size} events`);
    const topic = join(folder, 'gravado/topico/topics/transmissao-efetuada');
    expect((await readdir(topic)).sort()).toEqual(['0.ndjson', '1.ndjson']);
    expect((await rows(join(topic, '0.ndjson'))).length).toBe(counted.endOffsets[0]);
    const detail = await rows(join(folder, 'esperado/detalhe.ndjson'));
    expect(detail.map((row) => row['id'])).toEqual([...counted.detail.keys()]);
    expect((await rows(join(folder, 'esperado/relatorio.ndjson'))).length).toBe(
      counted.report.length,
    );
    expect(await rows(join(folder, 'esperado/rejeitados.ndjson'))).toEqual(counted.deadLetters);
  });

  it.each([
    ['--count muitos', '--count must be a number'],
    ['--start ontem --record gravado', '--start must be a time'],
    ['', 'name --brokers and --registry'],
  ])('refuses %j', async (words, message) => {
    await expect(run(words)).rejects.toThrow(message);
  });
});

describe('sendAll', () => {
  it('sends each message when its time has come, in order', async () => {
    const clock = new ManualClock(PLAN.startMs);
    const { producer, sent } = listening(clock);
    const messages = [...generate(PLAN)];
    expect(await sendAll(producer, messages, { topic: 't', pace: clock })).toBe(400);
    expect(sent.flatMap(([, records]) => records)).toEqual(messages);
    for (const [nowMs, records] of sent) {
      for (const { timestampMs } of records) {
        expect(nowMs - timestampMs).toBeGreaterThanOrEqual(0);
        expect(nowMs - timestampMs).toBeLessThanOrEqual(20);
      }
    }
  });

  it('sends all at once where nothing paces it', async () => {
    const { producer, sent } = listening(new ManualClock());
    const messages: EventMessage[] = [...generate({ ...PLAN, count: 3500 })];
    await sendAll(producer, messages, { topic: 't', pace: null });
    expect(sent.map(([, records]) => records.length)).toEqual([3000, 500]);
  });
});
