/** The companies that transmit, and the events they make up. */

import type { Random } from '../../src/base/index.ts';
import type { Header } from './broken.ts';
import { below, itemAt, newUuid, pick } from './chance.ts';
import { headOffice } from './cnpj.ts';
import {
  CANAIS,
  type Ocorrencia,
  OCORRENCIAS,
  PRODUTOS,
  RETORNOS_ERRO,
  TIPOS_EVENTO,
  type TipoEvento,
  type TransmissaoEfetuada,
} from './domain.ts';

export interface Company {
  readonly codigo: string;
  readonly key: Buffer;
  readonly cnpj: string;
  /** All its events go to one partition, but for some of those sent again. */
  readonly partition: number;
  readonly produtos: readonly string[];
  readonly source: string;
  readonly sourceHeader: Header;
  readonly errorShare: number;
  /** Else it writes its times in those of Brasília. */
  readonly writesUtc: boolean;
  /** The events being transmitted together: all have one `correlationid`. */
  readonly batch: { id: string; left: number };
}

/** A number that the register has not given out: real ones end far before. */
const UNUSED_CNPJ_FROM = 99_500_000;
const UNUSED_CNPJ_COUNT = 499_999;

/** The company of this index, from 0: always the same one. */
export function newCompany(index: number, partitionCount: number): Company {
  const codigo = String(index + 1).padStart(5, '0');
  const source = `/e-financeira/transmissor/${String((index % 3) + 1).padStart(2, '0')}`;
  const productCount = 1 + ((index * 7) % 4);
  return {
    codigo,
    key: Buffer.from(codigo),
    cnpj: headOffice(UNUSED_CNPJ_FROM + ((index * 7919) % UNUSED_CNPJ_COUNT)),
    partition: index % partitionCount,
    produtos: Array.from({ length: productCount }, (_, i) => itemAt(PRODUTOS, index * 5 + i * 3)),
    source,
    sourceHeader: ['source', Buffer.from(source)],
    // From 6 to 18 of a hundred, 12 on average however many companies there are.
    errorShare: 0.06 + 0.12 * ((index * 0.618_034) % 1),
    writesUtc: index % 4 !== 3,
    batch: { id: '', left: 0 },
  };
}

/** The `correlationid` of the company's next event: a new one after every so many. */
export function batchOf(company: Company, random: Random): string {
  const { batch } = company;
  if (batch.left === 0) {
    batch.id = newUuid(random);
    batch.left = 1 + below(random, 50);
  }
  batch.left -= 1;
  return batch.id;
}

/** What the company transmitted, and what RFB answered. */
export function newValue(of: {
  readonly random: Random;
  readonly company: Company;
  /** The number of the message: event ids rise with it. */
  readonly number: number;
  readonly timeMs: number;
  readonly version: number;
  readonly acceptedAlways: boolean;
}): TransmissaoEfetuada {
  const { random, company, number, timeMs } = of;
  const tipo = pick(TIPOS_EVENTO, random);
  const failed = random.float() < company.errorShare && !of.acceptedAlways;
  const [codigo, descricao] = failed
    ? pick(RETORNOS_ERRO, random)
    : ([0, 'Evento recepcionado com sucesso'] as const);
  return {
    codigo_empresa: company.codigo,
    codigo_produto_operacional: pick(company.produtos, random),
    cnpj_declarante: company.cnpj,
    tipo_evento: tipo,
    id_evento: `ID${String(number + 1).padStart(18, '0')}`,
    situacao: failed ? 'ERRO' : 'SUCESSO',
    codigo_retorno: codigo,
    descricao_retorno: descricao,
    data_hora_processamento: timeMs - 200 - below(random, 30_000),
    numero_recibo: failed ? null : receipt(tipo, number, random),
    ocorrencias: failed ? occurrences(random) : [],
    canal_transmissao: of.version === 0 ? null : pick(CANAIS, random),
  };
}

function receipt(tipo: TipoEvento, number: number, random: Random): string {
  const kind = String(TIPOS_EVENTO.indexOf(tipo) % 90).padStart(2, '0');
  const check = String(below(random, 100_000)).padStart(5, '0');
  return `${String(number % 1_000_000).padStart(6, '0')}-${kind}-231-2611-${check}`;
}

/** One to three, none twice. */
function occurrences(random: Random): Ocorrencia[] {
  const first = below(random, OCORRENCIAS.length);
  const count = 1 + below(random, 3, 2);
  return Array.from({ length: count }, (_, i) => itemAt(OCORRENCIAS, first + i * 5));
}
