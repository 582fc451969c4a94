import { describe, expect, it } from 'vitest';

import { type EventMessage, generate } from '../../scripts/e-financeira/events.ts';
import { recount } from '../../scripts/e-financeira/recount.ts';

const OPTIONS = {
  seed: 3,
  count: 5000,
  companies: 20,
  partitions: 4,
  startMs: 1_795_000_000_000,
  ratePerSecond: 10,
  duplicateShare: 0.1,
  brokenShare: 0.03,
  schemaIds: [1, 2],
} as const;

const messages = [...generate(OPTIONS)];
const counted = recount(messages, { partitionCount: 4 });

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

/** The message at this place of the topic. */
function at(partition: number, offset: number): EventMessage | undefined {
  return messages.filter((message) => message.partition === partition)[offset];
}

describe('recount', () => {
  it('finds a place for every message', () => {
    const { detail, duplicateCount, deadLetters, endOffsets } = counted;
    expect(detail.size + duplicateCount + deadLetters.length).toBe(OPTIONS.count);
    expect(sum(endOffsets)).toBe(OPTIONS.count);
  });

  it('reports every event of the detail once', () => {
    const { detail, report } = counted;
    expect(sum(report.map((row) => row.quantidade_eventos_transmitidos))).toBe(detail.size);
    for (const row of report) {
      const own = [...detail.values()]
        .map(({ event }) => event)
        .filter(
          ({ value }) =>
            value.codigo_empresa === row.codigo_empresa &&
            value.codigo_produto_operacional === row.codigo_produto_operacional,
        );
      const failed = own.filter(({ value }) => value.situacao === 'ERRO').length;
      expect(row.quantidade_eventos_transmitidos).toBe(own.length);
      expect(row.quantidade_eventos_transmitidos_erro).toBe(failed);
      expect(row.quantidade_eventos_transmitidos_sucesso).toBe(own.length - failed);
      expect(row.percentual_erro).toBeCloseTo((100 * failed) / own.length);
      expect(row.data_hora_ultimo_evento).toBe(Math.max(...own.map(({ timeMs }) => timeMs)));
    }
  });

  it('says where each event and each broken message stands', () => {
    for (const { partition, offset, fault } of counted.deadLetters) {
      expect(at(partition, offset)?.truth).toEqual({ kind: 'broken', fault });
    }
    const several = [...counted.detail.values()].filter(({ sent }) => sent.length > 1);
    expect(several.length).toBeGreaterThan(100);
    for (const { event, sent } of several) {
      for (const { partition, offset } of sent) {
        expect(at(partition, offset)?.truth).toMatchObject({ event: { id: event.id } });
      }
    }
  });

  it('goes on from the offsets of a topic that is not empty', () => {
    const later = recount(messages, { partitionCount: 4, startOffsets: [100, 0, 5, 0] });
    expect(later.deadLetters.map(({ partition, offset }) => [partition, offset])).toEqual(
      counted.deadLetters.map(({ partition, offset }) => [
        partition,
        offset + ([100, 0, 5, 0][partition] ?? 0),
      ]),
    );
  });
});
