/**
 * avro.ts columns|objects COUNT: decodes so many messages of `transmissao-efetuada`, 100,000 to a batch, into Arrow columns:
 * by the generated decoder, or by `avsc` as objects whose members are then appended to column buffers of the same layout. Prints
 * the CPU of that alone.
 */

import { readFileSync } from 'node:fs';

import { compileDecoder, parseAvroSchema } from '../../../src/avro/index.ts';
import {
  BitBuffer,
  BytesBuffer,
  LongBuffer,
  NumberBuffer,
} from '../../../src/parquet/column-buffer.ts';

const [how = '', count = ''] = process.argv.slice(2);
const BATCH_ROWS = 100_000;
/** About what one fetch brings, which is in the processor's cache when it is decoded. */
const FETCH_ROWS = 5000;
const rowCount = Number(count);
const schemaFile = new URL(
  '../../../fixtures/e-financeira/transmissao-efetuada-value.avsc',
  import.meta.url,
);
const text = readFileSync(schemaFile, 'utf8');
const { default: avsc } = await import('avsc');
const type = avsc.Type.forSchema(JSON.parse(text));

/** Messages that are decoded again and again: making a million costs more than what is measured. */
function makeMessages(): Buffer[] {
  const kinds = ['evtMovOpFin', 'evtAberturaeFinanceira', 'evtCadDeclarante'];
  return Array.from({ length: FETCH_ROWS }, (_, index) => {
    const isAccepted = index % 10 > 0;
    const receipt = `1.02.03.${String(2_000_000_000 + index)}-${String(index % 97)}-0123456789abcdef0123456789abcdef`;
    const problem = {
      tipo: 'ERRO',
      codigo: 'MS0030',
      descricao: 'O evento não cumpre a regra',
      localizacao: '/eFinanceira/evtMovOpFin/mesCaixa',
    };
    return type.toBuffer({
      codigo_empresa: `EMP-${String(index % 500).padStart(5, '0')}`,
      codigo_produto_operacional: `PRODUTO-${String(index % 20)}`,
      cnpj_declarante: String(12_345_678_000_100 + (index % 900)),
      tipo_evento: kinds[index % 3],
      id_evento: `ID${String(10_000_000_000_000 + index)}`,
      situacao: isAccepted ? 'SUCESSO' : 'ERRO',
      codigo_retorno: isAccepted ? 0 : 7,
      descricao_retorno: isAccepted
        ? 'SUCESSO: o evento foi recebido e processado sem erros nem avisos'
        : 'ERRO: evento recusado na validação das regras de negócio',
      data_hora_processamento: 1_795_000_000_000 + index,
      numero_recibo: isAccepted ? receipt : null,
      ocorrencias: isAccepted ? [] : [problem],
    });
  });
}

/** As a fetch gives them: one after the other in the same memory. */
interface Fetched {
  readonly memory: Buffer;
  /** Where each message ends, and the next one begins. */
  readonly ends: readonly number[];
  /** The same messages by themselves. */
  readonly messages: readonly Buffer[];
}

function inOneBuffer(messages: readonly Buffer[]): Fetched {
  const memory = Buffer.concat(messages);
  let end = 0;
  const ends = messages.map(({ length }) => (end += length));
  const views = ends.map((it, index) => memory.subarray(ends[index - 1] ?? 0, it));
  return { memory, ends, messages: views };
}

interface Problem {
  readonly tipo: string;
  readonly codigo: string;
  readonly descricao: string;
  readonly localizacao: string | null;
}

interface Message {
  readonly codigo_retorno: number;
  readonly data_hora_processamento: number;
  readonly numero_recibo: string | null;
  readonly ocorrencias: readonly Problem[];
  readonly [field: string]: unknown;
}

const TEXTS = [
  'codigo_empresa',
  'codigo_produto_operacional',
  'cnpj_declarante',
  'tipo_evento',
  'id_evento',
  'situacao',
  'descricao_retorno',
];

/** Columns as one would fill them from objects, by hand. */
function decodeObjects({ messages }: Fetched): number {
  const numbers = (): NumberBuffer => new NumberBuffer((length) => new Int32Array(length));
  const texts = TEXTS.map((name) => ({ name, buffer: new BytesBuffer() }));
  const [codes, times, receipts, hasReceipt] = [
    numbers(),
    new LongBuffer(1),
    new BytesBuffer(),
    new BitBuffer(),
  ];
  const [ends, place, hasPlace] = [numbers(), new BytesBuffer(), new BitBuffer()];
  const problems = (['tipo', 'codigo', 'descricao'] as const).map((name) => ({
    name,
    buffer: new BytesBuffer(),
  }));
  let end = 0;
  for (let rows = 0; rows < BATCH_ROWS; rows += messages.length)
    for (const bytes of messages) {
      const message = type.fromBuffer(bytes) as Message;
      for (const { name, buffer } of texts) buffer.append(String(message[name]));
      codes.append(message.codigo_retorno);
      times.append(BigInt(message.data_hora_processamento) * 1000n);
      hasReceipt.append(message.numero_recibo !== null);
      receipts.append(message.numero_recibo ?? '');
      for (const problem of message.ocorrencias) {
        for (const { name, buffer } of problems) buffer.append(problem[name]);
        hasPlace.append(problem.localizacao !== null);
        place.append(problem.localizacao ?? '');
        end += 1;
      }
      ends.append(end);
    }
  const all = [...texts, ...problems].map(({ buffer }) => buffer.finish());
  return (
    [codes, times, receipts, hasReceipt, ends, place, hasPlace].map((it) => it.finish()).length +
    all.length
  );
}

function decodeColumns({ memory, ends }: Fetched): number {
  decoder.start();
  for (let rows = 0; rows < BATCH_ROWS; rows += ends.length) {
    let start = 0;
    for (const end of ends) {
      const fault = decoder.append(memory, start, end);
      if (fault !== null) throw new Error(fault.reason);
      start = end;
    }
  }
  return decoder.finish().length;
}

const decoder = await compileDecoder(parseAvroSchema(text));
const fetched = inOneBuffer(makeMessages());
const bytes = fetched.memory.length / fetched.ends.length;
const before = process.cpuUsage();
for (let done = 0; done < rowCount; done += BATCH_ROWS) {
  if (how === 'columns') decodeColumns(fetched);
  else decodeObjects(fetched);
}
const { user, system } = process.cpuUsage(before);
const cpuMicros = (user + system) / rowCount;
console.log(JSON.stringify({ how, rowCount, messageBytes: Math.round(bytes), cpuMicros }));
