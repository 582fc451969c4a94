#!/usr/bin/env node
/**
 * The command `deltawright`. Node keeps what it has compiled, and what it has stripped of types, below the system's
 * temporary folder: a quarter of the CPU of a run that finds nothing new. Only modules that are loaded after this one
 * has said so are kept; NODE_DISABLE_COMPILE_CACHE=1 turns it off.
 */

import { enableCompileCache } from 'node:module';

import { resolveByName } from './module-names.ts';

enableCompileCache();
resolveByName(new URL('..', import.meta.url));
const { runCommandLine } = await import('./command-line.ts');
process.exitCode = await runCommandLine(process.argv);
