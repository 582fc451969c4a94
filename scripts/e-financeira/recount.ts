/**
 * What the pipeline must come to for a seed, counted from the truth that the generator gives along, without reading a single byte of
 * the messages: each event once in the detail, the report summed from it, and the dead letters.
 */

import type { Fault } from './broken.ts';
import type { EventMessage, SentEvent } from './events.ts';

/** Where a message stands when the messages of each partition are sent in order to an empty topic. */
export interface Position {
  readonly partition: number;
  readonly offset: number;
}

export interface DeadLetter extends Position {
  readonly fault: Fault;
}

/** A line of the report. */
export interface RelatorioTransmissao {
  readonly codigo_empresa: string;
  readonly codigo_produto_operacional: string;
  readonly quantidade_eventos_transmitidos: number;
  readonly quantidade_eventos_transmitidos_sucesso: number;
  readonly quantidade_eventos_transmitidos_erro: number;
  /** 100 · error / transmitted. */
  readonly percentual_erro: number;
  /** The newest header `time`: milliseconds since the epoch. */
  readonly data_hora_ultimo_evento: number;
}

export interface Recount {
  /** By id: content, and all places where it was sent; any of them is right in the detail. */
  readonly detail: ReadonlyMap<
    string,
    { readonly event: SentEvent; readonly sent: readonly Position[] }
  >;
  /** By company and product, in the order of their names. */
  readonly report: readonly RelatorioTransmissao[];
  /** In the order in which they were sent. */
  readonly deadLetters: readonly DeadLetter[];
  /** Good messages that are not the first of their id. */
  readonly duplicateCount: number;
  /** By partition: where the next message goes. */
  readonly endOffsets: readonly number[];
}

/**
 * Counts messages as they are sent. `partitionCount`: how many partitions the topic has; `startOffsets` where it is not empty.
 */
export function recount(
  messages: Iterable<EventMessage>,
  {
    partitionCount,
    startOffsets = [],
  }: { partitionCount: number; startOffsets?: readonly number[] },
): Recount {
  const endOffsets = Array.from({ length: partitionCount }, (_, i) => startOffsets[i] ?? 0);
  const detail = new Map<string, { readonly event: SentEvent; readonly sent: Position[] }>();
  const deadLetters: DeadLetter[] = [];
  let duplicateCount = 0;
  for (const { partition, truth } of messages) {
    const offset = endOffsets[partition] ?? 0;
    endOffsets[partition] = offset + 1;
    if (truth.kind === 'broken') {
      deadLetters.push({ partition, offset, fault: truth.fault });
      continue;
    }
    const known = detail.get(truth.event.id);
    if (known === undefined) {
      detail.set(truth.event.id, { event: truth.event, sent: [{ partition, offset }] });
    } else {
      known.sent.push({ partition, offset });
      duplicateCount += 1;
    }
  }
  const events = [...detail.values()].map(({ event }) => event);
  return { detail, report: reportOf(events), deadLetters, duplicateCount, endOffsets };
}

/** The report over these events, each of which is there once. */
export function reportOf(events: Iterable<SentEvent>): RelatorioTransmissao[] {
  const lines = new Map<string, Sum>();
  for (const { value, timeMs } of events) {
    const key = `${value.codigo_empresa}\n${value.codigo_produto_operacional}`;
    let sum = lines.get(key);
    if (sum === undefined) lines.set(key, (sum = { sucesso: 0, erro: 0, lastMs: timeMs }));
    if (value.situacao === 'SUCESSO') sum.sucesso += 1;
    else sum.erro += 1;
    sum.lastMs = Math.max(sum.lastMs, timeMs);
  }
  return [...lines]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, sum]) => {
      const [empresa = '', produto = ''] = key.split('\n');
      return line(empresa, produto, sum);
    });
}

interface Sum {
  sucesso: number;
  erro: number;
  lastMs: number;
}

function line(
  empresa: string,
  produto: string,
  { sucesso, erro, lastMs }: Sum,
): RelatorioTransmissao {
  const transmitidos = sucesso + erro;
  return {
    codigo_empresa: empresa,
    codigo_produto_operacional: produto,
    quantidade_eventos_transmitidos: transmitidos,
    quantidade_eventos_transmitidos_sucesso: sucesso,
    quantidade_eventos_transmitidos_erro: erro,
    percentual_erro: (100 * erro) / transmitidos,
    data_hora_ultimo_evento: lastMs,
  };
}
