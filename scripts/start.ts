/**
 * `npm start`: the pipelines *usuarios* and *e-Financeira* on the samples and the recorded topic that ship in `fixtures/`, on
 * local disk with a file catalog, and what can be asked of them then. Everything it makes is in `./lake`; a second start
 * finds nothing new.
 */

import { spawnSync } from 'node:child_process';

const root = new URL('..', import.meta.url).pathname;
const config = ['--config', 'fixtures/deltawright.config.ts'];

function deltawright(...words: string[]): void {
  process.stdout.write(`\n$ deltawright ${words.map(quoted).join(' ')}\n`);
  const done = spawnSync(process.execPath, ['dist/cli/main.js', ...words, ...config], {
    cwd: root,
    stdio: 'inherit',
  });
  if (done.status !== 0) process.exit(done.status ?? 1);
}

function quoted(word: string): string {
  return /^[\w.:/=-]+$/.test(word) ? word : `'${word}'`;
}

deltawright('run', 'usuario-evento', 'usuario-merge');
deltawright('tables');
deltawright(
  'sql',
  `SELECT u.codigo_usuario, u.nome_usuario, u.data_hora_evento AS desde, count(*) AS eventos
   FROM usuario_delta u JOIN usuario_evento_delta e USING (codigo_usuario)
   GROUP BY ALL ORDER BY eventos DESC, codigo_usuario LIMIT 5`,
);

deltawright('run', 'capturar-eventos', 'consolidar-base-eventos', 'gerar-relatorio-transmissao');
deltawright(
  'sql',
  `SELECT codigo_empresa, tipo_evento, codigo_retorno, descricao_retorno, ocorrencias[1].codigo AS ocorrencia
   FROM e_financeira.evento_transmitido WHERE situacao = 'ERRO' ORDER BY time DESC, id LIMIT 3`,
);
deltawright(
  'sql',
  `SELECT codigo_empresa, quantidade_eventos_transmitidos AS transmitidos,
     quantidade_eventos_transmitidos_sucesso AS sucesso, quantidade_eventos_transmitidos_erro AS erro,
     round(percentual_erro, 1) AS percentual_erro
   FROM relatorio_empresa ORDER BY transmitidos DESC LIMIT 5`,
);
