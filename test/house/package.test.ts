import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const root = new URL('../../', import.meta.url).pathname;
const read = (path: string): string => readFileSync(`${root}${path}`, 'utf8');

interface Package {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly bin: Readonly<Record<string, string>>;
}

describe('the package', () => {
  const manifest = JSON.parse(read('package.json')) as Package;

  it('pins every dependency exactly', () => {
    const versions = Object.values({ ...manifest.dependencies, ...manifest.devDependencies });
    expect(versions.filter((version) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))).toEqual([]);
  });

  it('records no download address in its lockfile', () => {
    expect(read('package-lock.json')).not.toMatch(/"resolved"\s*:/);
  });

  it('keeps the top level to what is agreed', () => {
    const agreed = new Set(
      'package.json package-lock.json tsconfig.json LICENSE README.md src test fixtures scripts dist node_modules lake'.split(
        ' ',
      ),
    );
    const names = readdirSync(root).filter((name) => !name.startsWith('.') && !agreed.has(name));
    expect(names).toEqual([]);
  });

  it('has a command whose source is there', () => {
    const source = manifest.bin['deltawright']?.replace('dist/', 'src/').replace(/\.js$/, '.ts');
    expect(existsSync(`${root}${source ?? ''}`)).toBe(true);
  });
});
