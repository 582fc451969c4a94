import avsc from 'avsc';
import { describe, expect, it } from 'vitest';

import { FAULTS, type Fault } from '../../scripts/e-financeira/broken.ts';
import { headOffice, isCnpj } from '../../scripts/e-financeira/cnpj.ts';
import { EVENT_SCHEMAS, REPORT_SCHEMA } from '../../scripts/e-financeira/encode.ts';
import { type EventMessage, generate } from '../../scripts/e-financeira/events.ts';

const OPTIONS = {
  seed: 7,
  count: 20_000,
  companies: 60,
  partitions: 3,
  startMs: Date.UTC(2026, 10, 20),
  ratePerSecond: 50,
  duplicateShare: 0.05,
  lateShare: 0.1,
  brokenShare: 0.02,
  schemaIds: [11, 12],
} as const;

const messages = [...generate(OPTIONS)];
const types = EVENT_SCHEMAS.map((text) => avsc.Type.forSchema(JSON.parse(text) as avsc.Schema));

function header(message: EventMessage, name: string): string {
  const found = message.headers.find(([other]) => other === name);
  return found === undefined ? '' : Buffer.from(found[1]).toString();
}

function ofKind(kind: EventMessage['truth']['kind']): EventMessage[] {
  return messages.filter(({ truth }) => truth.kind === kind);
}

/** The value as avsc reads it by the schema that the envelope names. */
function decode({ value }: EventMessage): unknown {
  const bytes = Buffer.from(value ?? []);
  if (bytes.readUInt8(0) !== 0) throw new Error('no envelope');
  const type = types[bytes.readUInt32BE(1) - 11];
  if (type === undefined) throw new Error('unknown schema');
  return JSON.parse(JSON.stringify(type.fromBuffer(bytes.subarray(5))));
}

describe('generate', () => {
  it('gives the same messages for the same seed, and others for another', () => {
    const bytes = (seed: number): string =>
      JSON.stringify([...generate({ ...OPTIONS, seed, count: 300 })]);
    expect(bytes(7)).toBe(bytes(7));
    expect(bytes(8)).not.toBe(bytes(7));
  });

  it('begins alike however many are asked for, where the schema evolves at the same message', () => {
    const evolveAt = 100;
    const few = [...generate({ ...OPTIONS, count: 150, evolveAt })];
    const more = [...generate({ ...OPTIONS, count: 400, evolveAt })];
    expect(more.slice(0, 150)).toEqual(few);
  });

  it('keeps to the shares that were asked for', () => {
    const events = messages.flatMap(({ truth }) => (truth.kind === 'event' ? [truth.event] : []));
    const accepted = events.filter(({ value }) => value.situacao === 'SUCESSO').length;
    expect(accepted / events.length).toBeCloseTo(0.88, 1);
    expect(events.filter(({ late }) => late).length / events.length).toBeCloseTo(0.1, 1);
    expect(ofKind('duplicate').length / OPTIONS.count).toBeCloseTo(0.05, 2);
    expect(ofKind('broken').length / OPTIONS.count).toBeCloseTo(0.02, 2);
    expect(new Set(events.map(({ value }) => value.codigo_empresa)).size).toBe(60);
    expect(new Set(events.map(({ value }) => value.tipo_evento)).size).toBe(11);
  });

  it('writes good events that avsc reads back, under both versions of the schema', () => {
    let evolved = 0;
    for (const message of messages) {
      if (message.truth.kind === 'broken') continue;
      const { canal_transmissao: channel, ...rest } = message.truth.event.value;
      const isSecond = Buffer.from(message.value ?? []).readUInt32BE(1) === 12;
      expect(decode(message)).toEqual(isSecond ? { ...rest, canal_transmissao: channel } : rest);
      expect(header(message, 'eventversion')).toBe(isSecond ? '1.1' : '1.0');
      if (isSecond) evolved += 1;
    }
    expect(evolved).toBeGreaterThan(8000);
  });

  it('says what RFB answered: a receipt where it accepted, occurrences where not', () => {
    for (const { truth } of ofKind('event')) {
      if (truth.kind !== 'event') continue;
      const { value } = truth.event;
      const accepted = value.situacao === 'SUCESSO';
      expect(value.numero_recibo !== null).toBe(accepted);
      expect(value.ocorrencias.length > 0).toBe(!accepted);
      expect(value.codigo_retorno === 0).toBe(accepted);
    }
  });

  it('names each event once, at its time', () => {
    const ids = ofKind('event').map((message) => header(message, 'id'));
    expect(new Set(ids).size).toBe(ids.length);
    for (const message of ofKind('event')) {
      if (message.truth.kind !== 'event') continue;
      const { id, timeMs, late } = message.truth.event;
      expect(header(message, 'id')).toBe(id);
      expect(id).toMatch(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
      expect(Date.parse(header(message, 'time'))).toBe(timeMs);
      expect(message.timestampMs - timeMs >= 3_600_000).toBe(late);
    }
    const times = ofKind('event').map((message) => header(message, 'time'));
    expect(times.some((time) => time.endsWith('-03:00'))).toBe(true);
  });

  it('gives no id of one seed to another', () => {
    const ids = (seed: number): string[] =>
      [...generate({ ...OPTIONS, seed, count: 5000 })].flatMap(({ truth }) =>
        truth.kind === 'event' ? [truth.event.id] : [],
      );
    expect(new Set([...ids(1), ...ids(2)]).size).toBe(ids(1).length + ids(2).length);
  });

  it('sends duplicates later, byte for byte, some in another partition', () => {
    const firsts = new Map<string, EventMessage>();
    let moved = 0;
    for (const message of messages) {
      if (message.truth.kind === 'event') firsts.set(message.truth.event.id, message);
      if (message.truth.kind !== 'duplicate') continue;
      const first = firsts.get(message.truth.event.id);
      expect(first?.value).toEqual(message.value);
      expect(first?.headers).toEqual(message.headers);
      expect(first?.timestampMs).toBeLessThan(message.timestampMs);
      if (first?.partition !== message.partition) moved += 1;
    }
    expect(moved).toBeGreaterThan(100);
  });

  it('breaks messages in every way, so that avsc or the headers tell', () => {
    // avsc reads on behind the end of the bytes and takes any byte for text: these two it does not see.
    const unseen: readonly Fault[] = ['hostile-count', 'bad-utf8'];
    const found = new Set<Fault>();
    for (const message of ofKind('broken')) {
      if (message.truth.kind !== 'broken') continue;
      const { fault } = message.truth;
      found.add(fault);
      if (unseen.includes(fault)) continue;
      const hasId = header(message, 'id') !== '';
      if (hasId && !Number.isNaN(Date.parse(header(message, 'time')))) {
        expect(() => decode(message), fault).toThrow();
      }
    }
    expect([...found].sort()).toEqual([...FAULTS].sort());
  });

  it('sends an event whole whose first try was cut off', () => {
    const cut = messages.flatMap((message, index) =>
      message.truth.kind === 'broken' && message.truth.fault === 'truncated-value' ? [index] : [],
    );
    expect(cut.length).toBeGreaterThan(5);
    for (const index of cut) {
      const [broken, whole] = [messages[index], messages[index + 1]];
      expect(whole?.truth.kind).toBe('event');
      expect(whole?.headers).toEqual(broken?.headers);
    }
  });
});

describe('the schemas', () => {
  it('let readers of either version read the other', () => {
    const [first, second] = types;
    const good = ofKind('event');
    for (const [reader, message] of [
      [second, good[0]],
      [first, good.at(-1)],
    ] as const) {
      const bytes = Buffer.from(message?.value ?? []);
      const writer = types[bytes.readUInt32BE(1) - 11];
      expect(reader).not.toBe(writer);
      const resolver = reader?.createResolver(writer ?? avsc.Type.forSchema('null'));
      const value = reader?.fromBuffer(bytes.subarray(5), resolver) as Record<string, unknown>;
      expect(value['codigo_empresa']).toBe(message?.key.toString());
      expect('canal_transmissao' in value).toBe(reader === second);
    }
  });

  it('of the report is one that avsc takes', () => {
    expect(avsc.Type.forSchema(JSON.parse(REPORT_SCHEMA) as avsc.Schema).name).toBe(
      'br.com.efinanceira.relatorio.data',
    );
  });
});

describe('headOffice', () => {
  it('checks as the register does', () => {
    // The number that manuals give as their example.
    expect(headOffice(11_222_333)).toBe('11222333000181');
    expect(isCnpj('11222333000181')).toBe(true);
    expect(isCnpj('11222333000180')).toBe(false);
    expect(isCnpj('11.222.333/0001-81')).toBe(false);
  });

  it('gives numbers that check, none twice', () => {
    const numbers = ofKind('event').flatMap(({ truth }) =>
      truth.kind === 'event' ? [truth.event.value.cnpj_declarante] : [],
    );
    expect(numbers.every((number) => isCnpj(number))).toBe(true);
    expect(new Set(numbers).size).toBe(60);
  });
});
