/**
 * Reads every table of a directory that is laid out as the corpus (see `test/table/corpus.ts`) and prints what came of it as
 * NDJSON: a line for each table and version, `{id, version, latest, rows, sha256}` or `{id, version, latest, error, code}`, and one
 * with `changes: true` for what changed from version 0 on, where the expectations have it. The exit code is 0 in any case.
 *
 *   node scripts/corpus.ts DIR [name part]
 */

import { readCorpus } from '../test/table/corpus.ts';

const [directory, part = ''] = process.argv.slice(2);
if (directory === undefined) {
  process.stderr.write('usage: node scripts/corpus.ts DIR [name part]\n');
} else {
  try {
    for await (const line of readCorpus(directory, { nameHolds: part })) {
      process.stdout.write(`${JSON.stringify(line)}\n`);
    }
  } catch (error) {
    process.stderr.write(`${String(error)}\n`);
  }
}
