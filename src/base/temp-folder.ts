/** Folders for temporary files, which do not stay behind for ever where their process is killed. */

import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** How long a folder must have lain untouched: on a shared disk, a process that looks dead from here may be alive. */
const UNTOUCHED_MS_MIN = 3_600_000;

/** Parents that this process has looked through. */
const swept = new Set<string>();

/**
 * A new folder, `deltawright-<host>-<process id>-…`, in `parent`, which is made where it is missing. By default in the
 * system's place for such. The caller removes it; a process's first call for a parent removes those that processes of
 * this host that are dead have left there, untouched for an hour.
 */
export async function makeTempFolder(parent: string = tmpdir()): Promise<string> {
  await mkdir(parent, { recursive: true });
  const folder = await mkdtemp(join(parent, `deltawright-${HOST}-${String(process.pid)}-`));
  const place = resolve(parent);
  if (!swept.has(place)) {
    swept.add(place);
    await sweep(place, folder);
  }
  return folder;
}

const HOST = hostname().replaceAll(/[^A-Za-z0-9.]/g, '_');
const NAME = /^deltawright-(?<host>[A-Za-z0-9._]+)-(?<pid>\d+)-[A-Za-z0-9]{6}$/;

/** `fresh` tells the time as the disk has it. */
async function sweep(parent: string, fresh: string): Promise<void> {
  const { mtimeMs: nowMs } = await stat(fresh);
  for (const name of await readdir(parent)) {
    const { host, pid } = NAME.exec(name)?.groups ?? {};
    if (host !== HOST || isAlive(Number(pid))) continue;
    const folder = join(parent, name);
    try {
      const { mtimeMs } = await stat(folder);
      if (nowMs - mtimeMs >= UNTOUCHED_MS_MIN) await rm(folder, { recursive: true, force: true });
    } catch {
      // Best effort: another process may be sweeping too, or the folder is another user's.
    }
  }
}

/** A process id that was given again keeps a folder longer, no more. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH');
  }
}
