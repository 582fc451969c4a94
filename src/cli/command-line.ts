/** One run of the command: one clear line and a documented exit code for whatever goes wrong. */

import { isDeltaError } from '../base/index.ts';
import { EXIT_CODE, EXIT_INTERNAL, EXIT_INVALID, EXIT_OK, EXIT_SIGNAL } from './exit-codes.ts';
import { stopSignalOf } from './interrupt.ts';
import { isOutputClosed, printError, watchOutput } from './output.ts';
import { buildProgram } from './program.ts';
import { endProgress } from './progress.ts';

/** Carries out a command line, `argv` as Node has it, and gives the exit code. */
export async function runCommandLine(argv: readonly string[]): Promise<number> {
  watchOutput();
  try {
    await buildProgram().parseAsync([...argv]);
    return EXIT_OK;
  } catch (error) {
    endProgress();
    return exitCodeOf(error);
  }
}

function exitCodeOf(error: unknown): number {
  // A reader that closes early (`deltawright read … | head`) has what it wanted.
  if (isOutputClosed(error)) return EXIT_OK;
  if (isDeltaError(error)) {
    printError(`${error.code}: ${error.message}`);
    const signal = stopSignalOf(error);
    return signal === null ? EXIT_CODE[error.kind] : EXIT_SIGNAL + signal;
  }
  // The parser of the command line has printed what is wrong, or the help that was asked for.
  if (error instanceof Error && 'code' in error && String(error.code).startsWith('commander.')) {
    return 'exitCode' in error && error.exitCode === 0 ? EXIT_OK : EXIT_INVALID;
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`deltawright: BUG: ${text}\n`);
  return EXIT_INTERNAL;
}
