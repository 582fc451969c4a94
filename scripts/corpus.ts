/**
 * Reads every table of a corpus (see `test/table/corpus.ts`) and prints what came of it, as NDJSON: one line for each
 * table and version. `node scripts/corpus.ts DIR [name part]`
 */

import { checkCorpus } from '../test/table/corpus.ts';

const [directory, part = ''] = process.argv.slice(2);
if (directory === undefined) {
  process.stderr.write('usage: node scripts/corpus.ts DIR [name part]\n');
  process.exitCode = 2;
} else {
  for await (const result of checkCorpus(directory, { nameHolds: part })) {
    process.stdout.write(`${JSON.stringify(result)}\n`);
  }
}
