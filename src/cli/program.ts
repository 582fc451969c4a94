/** The command line: names, arguments and options. What a command does is loaded when it is called. */

import { Command, Option } from 'commander';

import { PACKAGE_VERSION } from '../base/index.ts';
import {
  added,
  again,
  hostAndPort,
  hours,
  list,
  property,
  seconds,
  wholeNumber,
} from './option-values.ts';
import { printError } from './output.ts';
import { changing, common, EVOLVE_MODES, formatted, TABLE, travelling } from './shared-options.ts';

/** Options that every command takes. */
export interface CommonOptions {
  readonly config?: string;
  readonly json?: boolean;
}

export function buildProgram(): Command {
  const program = new Command('deltawright')
    .description('Delta Lake tables without a JVM: ingest, merge and publish.')
    .version(PACKAGE_VERSION, '-V, --version', 'print the version')
    .exitOverride()
    // So that --version after a command is the command's own.
    .enablePositionalOptions()
    .configureOutput({
      outputError: (text) => printError(`USAGE: ${text.replace(/^error: /, '')}`),
    })
    .addHelpText('after', EXIT_CODES_HELP);
  addJobCommands(program);
  addWriteCommands(program);
  addLayoutCommands(program);
  addLogCommands(program);
  addVersionCommands(program);
  addReadCommands(program);
  addHealthCommands(program);
  addPublishCommands(program);
  return program;
}

function addJobCommands(program: Command): void {
  common(program, 'run')
    .description('run jobs of the configuration: once, each to its end, or until they are stopped')
    .argument('<jobs...>', 'names of jobs')
    .option('--strict', 'a rejected row or file is an error, before its batch is committed')
    .addOption(
      new Option('--once', 'take what is there, and end').conflicts(['every', 'continuous']),
    )
    .addOption(
      new Option('--every <seconds>', 'look for new rows again and again')
        .argParser(seconds)
        .conflicts('continuous'),
    )
    .option('--continuous', 'take new rows as they come')
    .option('--grace <seconds>', 'time to finish a batch when stopped by a signal', seconds, 30)
    .option('--health <port>', 'serve /health and /metrics at [host:]port', hostAndPort)
    .action(async (jobs: string[], options) =>
      (await import('./commands/run.ts')).run(jobs, options),
    );
}

function addWriteCommands(program: Command): void {
  common(program, 'create')
    .description('create a table')
    .argument('<table>', TABLE)
    .requiredOption('--schema <ddl>', `columns: "id string not null, n bigint"`)
    .option('--partition-by <columns>', 'comma-separated column names', list)
    .option('--property <key=value>', 'a table property; may be given again', property, {})
    .addOption(
      new Option('--preset <preset>', 'properties for those who are to open the table').choices([
        'portable',
        'spark4',
        'databricks',
      ]),
    )
    .option('--if-not-exists', 'leave a table that is there as it is')
    .option('--description <text>')
    .action(async (table: string, options) =>
      (await import('./commands/create.ts')).run(table, options),
    );
  common(program, 'alter')
    .description('change what a table is told to be: properties, features, columns, constraints')
    .argument('<table>', TABLE)
    .option('--set <key=value>', 'a table property; may be given again', property, {})
    .option('--unset <key>', 'a table property; may be given again', again, [])
    .option('--enable <feature>', 'a table feature; may be given again', again, [])
    .option('--drop <feature>', 'a table feature; may be given again', again, [])
    .option(
      '--add-column <column>',
      `"n bigint", "a.zip string after city", "n int first"`,
      added,
      [],
    )
    .option('--drop-column <column>', 'needs column mapping; may be given again', again, [])
    .option('--rename-column <old=new>', 'needs column mapping; may be given again', property, {})
    .option('--widen-column <column=type>', `"n=bigint"; may be given again`, property, {})
    .option('--comment <column=text>', 'what a column is; may be given again', property, {})
    .option(
      '--set-default <column=value>',
      `"n=0": of rows that lack it from now on; may be given again`,
      property,
      {},
    )
    .option('--drop-default <column>', 'may be given again', again, [])
    .option('--set-not-null <column>', 'where no row has a null; may be given again', again, [])
    .option('--drop-not-null <column>', 'lets nulls in; may be given again', again, [])
    .option(
      '--sync-identity <column>',
      'goes on behind the values that rows brought; may be given again',
      again,
      [],
    )
    .option(
      '--add-constraint <name=condition>',
      `"positive=n > 0"; may be given again`,
      property,
      {},
    )
    .option('--drop-constraint <name>', 'may be given again', again, [])
    .action(async (table: string, options) =>
      (await import('./commands/alter.ts')).run(table, options),
    );
  common(program, 'append')
    .description('append Parquet or JSON-lines files to a table')
    .argument('<table>', TABLE)
    .argument('<sources...>', 'files or folders, local or s3://')
    .action(async (table: string, sources: string[], options) =>
      (await import('./commands/append.ts')).run(table, sources, options),
    );
  common(program, 'copy-into')
    .description('load the files below a folder or prefix that the table does not have yet')
    .argument('<table>', TABLE)
    .argument('<from>', 'a folder or an s3:// prefix')
    .option('--pattern <glob>', 'only files whose path below it fits: "2026-*/**.parquet"')
    .addOption(
      new Option('--format <format>', `default: by the files' names`).choices(['parquet', 'json']),
    )
    .addOption(
      new Option('--evolve <mode>', 'what of Parquet files the table may take on').choices(
        EVOLVE_MODES,
      ),
    )
    .option('--force', 'load files again that were loaded before')
    .option('--skip-bad', 'leave out files that cannot be loaded, and tell of them')
    .action(async (table: string, from: string, options) =>
      (await import('./commands/copy-into.ts')).run(table, from, options),
    );
  common(program, 'overwrite')
    .description('put Parquet or JSON-lines files in the place of the rows of a table, or of some')
    .argument('<table>', TABLE)
    .argument('<sources...>', 'files or folders, local or s3://')
    .option('--where <condition>', 'only rows for which it is true; those that come must be such')
    .option('--partitions', 'only the partitions that rows come in for')
    .option('--keys <columns>', 'comma-separated: only rows with a key that comes in', list)
    .option('--schema', 'the table takes the columns of the Parquet files')
    .action(async (table: string, sources: string[], options) =>
      (await import('./commands/overwrite.ts')).run(table, sources, options),
    );
  addMergeCommand(program);
  addRowCommands(program);
}

function addMergeCommand(program: Command): void {
  changing(common(program, 'merge'))
    .description('merge rows into a table; an upsert of all columns unless clauses are given')
    .argument('<table>', TABLE)
    .option('--using <source...>', 'Parquet or JSON-lines files or folders: s in conditions')
    .addOption(
      new Option('--using-table <table>', 'another table; db.table@3 for a version').conflicts([
        'using',
        'usingSql',
      ]),
    )
    .addOption(
      new Option('--using-sql <query>', `a SELECT over the catalog's tables`).conflicts('using'),
    )
    .requiredOption('--on <condition>', `what makes rows meet: "t.id = s.id"`)
    .option('--update [condition]', 'matched rows take all columns of s, where the condition holds')
    .option('--delete [condition]', 'matched rows go, where the condition holds')
    .option('--insert [condition]', 'rows of s without a match come in, where the condition holds')
    .option('--delete-by-source [condition]', 'rows that no row of s matches go, likewise')
    .addOption(
      new Option('--evolve <mode>', 'what of s the table may take on (default: none)').choices(
        EVOLVE_MODES,
      ),
    )
    .option('--max-memory <size>', `the engine's, beyond which it goes to disk: "512mb"`)
    .action(async (table: string, options) =>
      (await import('./commands/merge.ts')).run(table, options),
    );
}

function addRowCommands(program: Command): void {
  changing(common(program, 'delete'))
    .description('delete the rows of a table that a condition selects')
    .argument('<table>', TABLE)
    .requiredOption('--where <condition>', `Spark's SQL; "true" for all rows`)
    .action(async (table: string, options) =>
      (await import('./commands/delete.ts')).run(table, options),
    );
  changing(common(program, 'update'))
    .description('give rows of a table new values')
    .argument('<table>', TABLE)
    .requiredOption('--set <column=expression>', 'a new value; may be given again', property)
    .option('--where <condition>', `Spark's SQL (default: all rows)`)
    .action(async (table: string, options) =>
      (await import('./commands/update.ts')).run(table, options),
    );
}

function addLayoutCommands(program: Command): void {
  common(program, 'optimize')
    .description('pack the small files of a table into few, or lay its rows out anew')
    .argument('<table>', TABLE)
    .option('--where <condition>', 'only partitions for which it may be true')
    .option('--target-size <size>', `of a file: "128mb" (default: the table's)`)
    .option('--sort-by <columns>', 'comma-separated: sorts the rows of each new file', list)
    .option('--zorder-by <columns>', 'comma-separated: lays rows out along a Z-curve', list)
    .option('--full', 'of a clustered table: also what is clustered already')
    .addOption(
      new Option(
        '--purge',
        'instead, rewrite files without deleted rows and dropped columns',
      ).conflicts(['sortBy', 'zorderBy', 'full']),
    )
    .option('--dry-run', 'only say what would be done')
    .action(async (table: string, options) =>
      (await import('./commands/optimize.ts')).run(table, options),
    );
}

function addLogCommands(program: Command): void {
  common(program, 'cleanup')
    .description('delete what of the log of a table is older than it is to be kept')
    .argument('<table>', TABLE)
    .option('--dry-run', 'only say what would be deleted')
    .action(async (table: string, options) =>
      (await import('./commands/cleanup.ts')).run(table, options),
    );
}

function addVersionCommands(program: Command): void {
  common(program, 'erase')
    .description('delete rows, and every file and log entry that holds one or speaks of one')
    .argument('<table>', TABLE)
    .requiredOption('--where <condition>', `Spark's SQL; "true" for all rows`)
    .option('--writer-hours <n>', 'how long a writer under way may take (default: 24)', hours)
    .option('--keep-log', 'leave the log as it is')
    .option('--clone <uri>', 'a shallow clone that others made; may be given again', again, [])
    .option('--forget-clone <uri>', 'a shallow clone that is gone; may be given again', again, [])
    .option('--dry-run', 'only say what would be done')
    .action(async (table: string, options) =>
      (await import('./commands/erase.ts')).run(table, options),
    );
  common(program, 'vacuum')
    .description('delete old files that no version within the retention needs')
    .argument('<table>', TABLE)
    .option('--lite', 'by the log alone, without a listing: what was removed since the last vacuum')
    .option('--retain-hours <n>', `how long files stay (default: the table's, or 7 days)`, hours)
    .option('--no-retention-check', `also a shorter time than the table's own`)
    .option(
      '--inventory <file>',
      'a list of the files, Parquet or JSON lines, instead of a listing',
    )
    .option('--forget-clone <uri>', 'a shallow clone that is gone; may be given again', again, [])
    .option('--dry-run', 'only say what would be deleted')
    .action(async (table: string, options) =>
      (await import('./commands/vacuum.ts')).run(table, options),
    );
  travelling(common(program, 'restore'))
    .description('bring an older version of a table back, in a commit of its own')
    .argument('<table>', TABLE)
    .option('--ignore-missing', 'leave out files that are gone, with their rows')
    .action(async (table: string, options) =>
      (await import('./commands/restore.ts')).run(table, options),
    );
  travelling(common(program, 'clone'))
    .description('copy a table with its history, or make one over the same files')
    .argument('<table>', TABLE)
    .argument('<target>', 'a path or an s3:// URI where nothing is')
    .option('--shallow', 'over the files of the source, where they are')
    .option('--property <key=value>', 'of a shallow clone; may be given again', property, {})
    .option('--no-times', 'of a copy: without the times of versions')
    .action(async (table: string, target: string, options) =>
      (await import('./commands/clone.ts')).run(table, target, options),
    );
  common(program, 'convert')
    .description('make a folder of Parquet files a table as it stands')
    .argument('<folder>', 'a path or an s3:// URI')
    .option('--partitions <ddl>', 'columns that folders name: "dia date, uf string"')
    .option('--property <key=value>', 'a table property; may be given again', property, {})
    .action(async (folder: string, options) =>
      (await import('./commands/convert.ts')).run(folder, options),
    );
}

function addReadCommands(program: Command): void {
  common(program, 'tables')
    .description(`list the catalog's tables`)
    .action(async (options) => (await import('./commands/tables.ts')).run(options));
  common(program, 'show')
    .description('show a table: version, protocol, schema, properties, size')
    .argument('<table>', TABLE)
    .action(async (table: string, options) =>
      (await import('./commands/show.ts')).run(table, options),
    );
  common(program, 'history')
    .description('list the commits of a table, newest first')
    .argument('<table>', TABLE)
    .option('--limit <n>', 'commits at most', wholeNumber)
    .action(async (table: string, options) =>
      (await import('./commands/history.ts')).run(table, options),
    );
  travelling(common(program, 'files'))
    .description('list the live files: path, partition, size, rows, statistics')
    .argument('<table>', TABLE)
    .option('--where <condition>', 'only files that may hold a row for which it is true')
    .action(async (table: string, options) =>
      (await import('./commands/files.ts')).run(table, options),
    );
  formatted(travelling(common(program, 'read')))
    .description('print the rows of a table')
    .argument('<table>', TABLE)
    .option('--where <condition>', `Spark's SQL`)
    .option('--columns <names>', 'comma-separated', list)
    .option('--limit <n>', 'rows at most', wholeNumber)
    .option('--row-ids', 'also the id and the commit version of each row, where row tracking is on')
    .action(async (table: string, options) =>
      (await import('./commands/read.ts')).run(table, options),
    );
  formatted(common(program, 'changes'))
    .description('print the rows that changed, from the change data feed')
    .argument('<table>', TABLE)
    .requiredOption('--from <n>', 'first version', wholeNumber)
    .option('--to <n>', 'last version (default: the newest)', wholeNumber)
    .action(async (table: string, options) =>
      (await import('./commands/changes.ts')).run(table, options),
    );
  formatted(common(program, 'sql'))
    .description(`query the catalog's tables (DuckDB's SQL, read-only)`)
    .argument('<query>', 'one SELECT')
    .action(async (query: string, options) =>
      (await import('./commands/sql.ts')).run(query, options),
    );
  travelling(common(program, 'checksum'))
    .description('print rows and SHA-256 of the canonical form deltacanon-1')
    .argument('<table>', TABLE)
    .action(async (table: string, options) =>
      (await import('./commands/checksum.ts')).run(table, options),
    );
}

function addHealthCommands(program: Command): void {
  common(program, 'doctor')
    .description('say how a table is committed to, and what is wrong with it')
    .argument('<table>', TABLE)
    .option('--repair', 'do what is safe about it; no row and no commit is changed')
    .action(async (table: string, options) =>
      (await import('./commands/doctor.ts')).run(table, options),
    );
}

function addPublishCommands(program: Command): void {
  common(program, 'manifest')
    .description('bring the symlink manifest of a table up to its latest version')
    .argument('<table>', TABLE)
    .option('--full', 'write every partition again')
    .action(async (table: string, options) =>
      (await import('./commands/manifest.ts')).run(table, options),
    );
  common(program, 'register')
    .description('register a table in the catalog, and a virtual table over its manifest')
    .argument('<table>', 'a path or an s3:// URI')
    .requiredOption('--as <name>', 'name in the catalog: db.table or table')
    .option('--virtual <name>', 'name of the virtual table over the manifest')
    .action(async (table: string, options) =>
      (await import('./commands/register.ts')).run(table, options),
    );
}

const EXIT_CODES_HELP = `
Exit codes: 0 done; 1 a bug; 2 wrong call or configuration; 3 wrong data (corrupt table, errors that doctor found, rejected input
under --strict); 4 a store or service did not answer, try later; 5 another writer won, try again; 6 not supported;
128 + n stopped by signal n.`;
