/** `doctor`: how a table is committed to, what is wrong with it, and what of that can be mended. */

import { type Examination, examine, type Finding, tableContext } from '../../table/index.ts';
import { openEnvironment } from '../environment.ts';
import { tableUnsound } from '../errors.ts';
import { bytesText, counted, print, printFacts, printObject } from '../output.ts';
import type { CommonOptions } from '../program.ts';

export interface DoctorCommandOptions extends CommonOptions {
  readonly repair?: boolean;
}

const WAYS: Readonly<Record<Examination['commitWay'], string>> = {
  local: 'files put where there are none, on local disk',
  memory: 'objects put where there are none, in memory',
  'conditional-put': 'conditional PUT on S3',
  dynamodb: `DynamoDB, as Spark's S3DynamoDBLogStore`,
  catalog: 'a catalog that manages it',
};

export async function run(text: string, options: DoctorCommandOptions): Promise<void> {
  const environment = await openEnvironment(options, `examining ${text}`);
  try {
    const { tools } = environment;
    const store = tools.openStore(await environment.locate(text));
    const examination = await examine(tableContext(tools, store), {
      repair: options.repair ?? false,
    });
    if (options.json === true) await printObject(jsonOf(examination));
    else await printExamination(examination);
    const errors = examination.findings.filter(
      ({ severity, repair }) => severity === 'error' && repair?.kind !== 'done',
    );
    if (errors.length > 0) throw tableUnsound(examination.table, errors.length);
  } finally {
    await environment.close();
  }
}

async function printExamination(examination: Examination): Promise<void> {
  const { table, version, commitWay, writers, findings } = examination;
  await printFacts([
    ['table', table],
    ['version', version === null ? 'cannot be opened' : String(version)],
    ['committed by', WAYS[commitWay]],
    ...writers.map(({ engine, commits, lastVersion }) => {
      const commitText = `${counted(commits, 'commit')}, the last is ${lastVersion}`;
      return ['writer', `${engine}: ${commitText}`] as const;
    }),
  ]);
  for (const finding of findings) await printFinding(finding);
  if (findings.length === 0) await print('nothing is wrong');
}

async function printFinding(finding: Finding): Promise<void> {
  const { code, severity, message, cure, details, repair } = finding;
  const { files, sizeBytes } = details;
  const amount =
    typeof files === 'number' && typeof sizeBytes === 'number'
      ? ` (${counted(files, 'file')}, ${bytesText(sizeBytes)})`
      : '';
  await print(`${severity}: ${code}: ${message}${amount}`);
  if (repair?.kind === 'done') await print(`  repaired: ${repair.text}`);
  else await print(`  to do: ${cure}`);
  if (repair?.kind === 'failed') await print(`  the repair failed: ${repair.text}`);
}

function jsonOf(examination: Examination): Parameters<typeof printObject>[0] {
  const { table, version, commitWay, writers, findings, orphans } = examination;
  return {
    table,
    version,
    commitWay,
    writers: writers.map((writer) => ({ ...writer })),
    findings: findings.map(({ details, repair, ...finding }) => ({
      ...finding,
      details: { ...details },
      repair: repair === null ? null : { ...repair },
    })),
    orphans: orphans.map(({ path, sizeBytes, ageMs }) => ({ path, bytes: sizeBytes, ageMs })),
  };
}
