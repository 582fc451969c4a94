/** Options that several commands take. */

import { type Command, Option } from 'commander';

import { wholeNumber } from './option-values.ts';

export const TABLE = 'db.table, a path, or an s3:// URI';

export function common(program: Command, name: string): Command {
  return program
    .command(name)
    .option('--config <file>', 'configuration (default: ./deltawright.config.ts)')
    .option('--json', 'print JSON for machines');
}

export function travelling(command: Command): Command {
  return command
    .option('--version <n>', 'of that version', wholeNumber)
    .addOption(
      new Option(
        '--timestamp <time>',
        'as it was at that time (ISO 8601; without a zone: UTC)',
      ).conflicts('version'),
    );
}

/** As `EvolveMode` has them. */
export const EVOLVE_MODES = ['none', 'add', 'widen'];

export function changing(command: Command): Command {
  return command
    .addOption(
      new Option('--mode <mode>', `how (default: the table's)`).choices([
        'copy-on-write',
        'deletion-vectors',
      ]),
    )
    .option('--dry-run', 'only say what would become of which files');
}

export function formatted(command: Command): Command {
  return command.addOption(
    new Option('--format <format>').choices(['table', 'ndjson', 'csv']).default('table'),
  );
}
