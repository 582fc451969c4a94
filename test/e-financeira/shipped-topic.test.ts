import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { TOPIC } from '../../scripts/e-financeira/encode.ts';
import { recount } from '../../scripts/e-financeira/recount.ts';
import { recordRegistry, recordTopic } from '../../scripts/e-financeira/recording.ts';
import {
  SHIPPED,
  SHIPPED_SUBJECTS,
  shippedMessages,
} from '../../scripts/e-financeira/shipped-topic.ts';

const shipped = new URL('../../fixtures/e-financeira/', import.meta.url).pathname;
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'topic-'));
  const partitionCount = SHIPPED.partitions;
  await recordTopic(join(folder, 'topico'), {
    topic: TOPIC,
    partitionCount,
    messages: shippedMessages(),
  });
  await recordRegistry(join(folder, 'registro'), SHIPPED_SUBJECTS);
});

afterAll(() => rm(folder, { recursive: true }));

async function filesBelow(path: string): Promise<string[]> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(path.length))
    .sort();
}

describe('the recorded topic and registry in fixtures', () => {
  it('are what the script makes, byte for byte', async () => {
    for (const part of ['topico', 'registro']) {
      const files = await filesBelow(join(folder, part));
      expect(await filesBelow(join(shipped, part))).toEqual(files);
      for (const file of files) {
        const [made, there] = await Promise.all([
          readFile(join(folder, part, file), 'utf8'),
          readFile(join(shipped, part, file), 'utf8'),
        ]);
        expect(there === made, `${part}${file} differs: run scripts/make-topic.ts`).toBe(true);
      }
    }
  });

  it('hold what they are for: every fault, duplicates, late ones, several days, both versions', () => {
    const { detail, deadLetters, duplicateCount } = recount(shippedMessages(), {
      partitionCount: SHIPPED.partitions,
    });
    const events = [...detail.values()].map(({ event }) => event);
    expect(new Set(deadLetters.map(({ fault }) => fault)).size).toBe(16);
    expect([detail.size, duplicateCount, deadLetters.length]).toEqual([612, 12, 16]);
    expect(events.filter(({ late }) => late).length).toBe(20);
    expect(new Set(events.map(({ value }) => value.codigo_empresa)).size).toBe(12);
    expect(new Set(events.map(({ eventversion }) => eventversion))).toEqual(
      new Set(['1.0', '1.1']),
    );
    const days = new Set(events.map(({ timeMs }) => Math.floor(timeMs / 86_400_000)));
    expect(days.size).toBeGreaterThan(2);
  });

  it('record each partition in the order of its offsets', async () => {
    let count = 0;
    for (let partition = 0; partition < SHIPPED.partitions; partition += 1) {
      const path = join(shipped, 'topico/topics', TOPIC, `${String(partition)}.ndjson`);
      const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
      const offsets = lines.map((line) => (JSON.parse(line) as { offset: number }).offset);
      expect(offsets).toEqual(lines.map((_, index) => index));
      count += lines.length;
    }
    expect(count).toBe(SHIPPED.count);
  });
});
