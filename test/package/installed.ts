/** The package as a user gets it: packed, and installed into an empty project. */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = new URL('../../', import.meta.url).pathname;

export interface InstalledProject {
  readonly folder: string;
  /** Type-checks programs of the project as strictly as TypeScript can. */
  check(...files: readonly string[]): void;
  /** Runs a program of the project, or a command line of it; returns what it prints. */
  node(...args: string[]): string;
  shell(line: string): string;
  remove(): void;
}

export function installProject(): InstalledProject {
  const folder = mkdtempSync(join(tmpdir(), 'installed-'));
  const options = { cwd: folder, encoding: 'utf8' as const, stdio: 'pipe' as const };
  const packed = execFileSync('npm', ['pack', '--silent', '--pack-destination', folder], {
    ...options,
    cwd: root,
  });
  const archive = packed.trim().split('\n').at(-1) ?? '';
  writeFileSync(
    join(folder, 'package.json'),
    '{ "name": "vazio", "type": "module", "private": true }',
  );
  execFileSync('npm', ['install', '--silent', '--prefer-offline', `./${archive}`], options);
  const path = `${join(folder, 'node_modules/.bin')}:${process.env['PATH'] ?? ''}`;
  const env = { ...process.env, PATH: path };
  return {
    folder,
    check: (...files) => {
      const config = {
        compilerOptions: {
          strict: true,
          exactOptionalPropertyTypes: true,
          noEmit: true,
          module: 'nodenext',
          target: 'es2024',
          lib: ['es2024', 'esnext.disposable'],
          skipLibCheck: false,
          typeRoots: [join(root, 'node_modules/@types')],
          types: ['node'],
        },
        files,
      };
      writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
      execFileSync(join(root, 'node_modules/.bin/tsc'), ['-p', '.'], { ...options, env });
    },
    node: (...args) => execFileSync(process.execPath, args, { ...options, env }),
    shell: (line) => execFileSync('bash', ['-euc', line], { ...options, env }),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Links a folder of the checkout into the project, for programs that read its fixtures. */
export function linkFolder(project: InstalledProject, name: string): void {
  symlinkSync(join(root, name), join(project.folder, name));
}
