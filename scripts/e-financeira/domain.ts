/** What events of e-Financeira are made of: the fields of the schema, and what stands in them. */

/** Elements of the e-Financeira layout, in the order of the schema's enum. */
export type TipoEvento =
  | 'evtCadDeclarante'
  | 'evtAberturaeFinanceira'
  | 'evtCadIntermediario'
  | 'evtCadPatrocinado'
  | 'evtMovOpFin'
  | 'evtMovOpFinAnual'
  | 'evtMovPP'
  | 'evtFechamentoeFinanceira'
  | 'evtExclusao'
  | 'evtExclusaoeFinanceira'
  | 'evtRERCT';

export interface Ocorrencia {
  readonly tipo: 'ERRO' | 'AVISO';
  readonly codigo: string;
  readonly descricao: string;
  readonly localizacao: string | null;
}

/** The value of a message, as `fixtures/e-financeira/transmissao-efetuada-value.v2.avsc` has it. */
export interface TransmissaoEfetuada {
  readonly codigo_empresa: string;
  readonly codigo_produto_operacional: string;
  readonly cnpj_declarante: string;
  readonly tipo_evento: TipoEvento;
  readonly id_evento: string;
  readonly situacao: 'SUCESSO' | 'ERRO';
  readonly codigo_retorno: number;
  readonly descricao_retorno: string;
  /** Milliseconds since the epoch. */
  readonly data_hora_processamento: number;
  readonly numero_recibo: string | null;
  readonly ocorrencias: readonly Ocorrencia[];
  /** Null under the first version of the schema, which lacks it. */
  readonly canal_transmissao: string | null;
}

/** How many of a hundred events have which type: mostly movements, and few openings and closings around them. */
const TYPES_PER_HUNDRED: readonly (readonly [TipoEvento, number])[] = [
  ['evtMovOpFin', 62],
  ['evtMovPP', 9],
  ['evtMovOpFinAnual', 5],
  ['evtAberturaeFinanceira', 4],
  ['evtFechamentoeFinanceira', 4],
  ['evtCadDeclarante', 3],
  ['evtCadIntermediario', 3],
  ['evtCadPatrocinado', 3],
  ['evtExclusao', 4],
  ['evtExclusaoeFinanceira', 1],
  ['evtRERCT', 2],
];

/** A hundred types: any of them with the same chance gives the shares above. */
export const TIPOS_EVENTO: readonly TipoEvento[] = TYPES_PER_HUNDRED.flatMap(([type, count]) =>
  Array.from({ length: count }, () => type),
);

export const PRODUTOS: readonly string[] = [
  'CONTA-CORRENTE',
  'CONTA-PAGAMENTO',
  'POUPANCA',
  'CDB-RDB',
  'FUNDOS',
  'PREVIDENCIA-PGBL',
  'PREVIDENCIA-VGBL',
  'CAMBIO',
  'CARTAO-CREDITO',
  'CONSORCIO',
  'DERIVATIVOS',
  'ACOES',
];

export const CANAIS: readonly string[] = ['WEBSERVICE-SINCRONO', 'WEBSERVICE-LOTE', 'PORTAL-ECAC'];

/** Answers to events that were not accepted. */
export const RETORNOS_ERRO: readonly (readonly [codigo: number, descricao: string])[] = [
  [1, 'Evento não aceito: há erros de validação'],
  [1, 'Evento não aceito: há erros de validação'],
  [1, 'Evento não aceito: há erros de validação'],
  [2, 'Evento não aceito: a assinatura não confere'],
  [3, 'Evento não aceito: o período não permite esta operação'],
  [9, 'Evento não processado: serviço indisponível'],
];

export const OCORRENCIAS: readonly Ocorrencia[] = [
  erro('MS0001', 'O arquivo não corresponde à estrutura esperada.', '/eFinanceira'),
  erro('MS0004', 'O certificado da assinatura está vencido ou foi revogado.', null),
  erro(
    'MS0017',
    'O CNPJ do declarante não está ativo no cadastro.',
    '/ideDeclarante/cnpjDeclarante',
  ),
  erro('MS0025', 'Já existe um evento com este identificador.', '/@id'),
  erro('MS0030', 'Não há abertura para o período informado.', '/ideEvento/anoCaixa'),
  erro('MS0031', 'O período informado já está encerrado.', '/ideEvento/semestre'),
  erro('MS0042', 'O recibo do evento a retificar não foi encontrado.', '/ideEvento/nrRecibo'),
  erro(
    'MS0058',
    'O NI do declarado é inválido para o tipo informado.',
    '/ideDeclarado/NIDeclarado',
  ),
  erro('MS0073', 'O país de residência fiscal não consta da tabela de países.', '/PaisResid/Pais'),
  erro('MS0089', 'O GIIN informado não confere com o patrocinador.', '/ideDeclarante/GIIN'),
  erro(
    'MS0102',
    'O total de créditos difere da soma dos meses.',
    '/Conta/infoConta/BalancoConta/totCreditos',
  ),
  erro(
    'MS0103',
    'O total de débitos difere da soma dos meses.',
    '/Conta/infoConta/BalancoConta/totDebitos',
  ),
  erro('MS0127', 'A moeda não consta da tabela de moedas.', '/Conta/infoConta/moeda'),
  erro(
    'MS0140',
    'A exclusão deve seguir a ordem inversa da transmissão.',
    '/infoExclusao/nrReciboEvento',
  ),
  aviso('MS1006', 'O endereço do declarado está incompleto.', '/ideDeclarado/EnderecoLivre'),
  aviso(
    'MS1011',
    'O nome do declarado difere do cadastro da Receita.',
    '/ideDeclarado/NomeDeclarado',
  ),
];

function erro(codigo: string, descricao: string, localizacao: string | null): Ocorrencia {
  return { tipo: 'ERRO', codigo, descricao, localizacao };
}

function aviso(codigo: string, descricao: string, localizacao: string | null): Ocorrencia {
  return { tipo: 'AVISO', codigo, descricao, localizacao };
}
