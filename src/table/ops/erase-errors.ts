/** The errors of erasing: each says that nothing was done, and why it could not be proved afterwards. */

import { DeltaError } from '../../base/index.ts';
import type { CloneRead } from '../clones.ts';

/** Paths that a message names; further ones are counted. */
const NAMED_MAX = 5;

/** `ERASE_INVALID`: what was asked cannot be done. */
export function eraseInvalid(reason: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'ERASE_INVALID',
    message: `rows cannot be erased so: ${reason}`,
  });
}

/** `ERASE_ELSEWHERE`: files of the table lie outside of it, as in a shallow clone. */
export function eraseElsewhere(paths: readonly string[]): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'ERASE_ELSEWHERE',
    message:
      `versions of the table name files outside of its folder that may hold such rows: ${some(paths)}; they belong to the ` +
      'table that this one was cloned from, and nothing was changed: erase the rows there; here, delete them by copy-on-write',
    details: { files: paths.length },
  });
}

/** `ERASE_UNREADABLE`: files that versions name cannot be searched. */
export function eraseUnreadable(paths: readonly string[], reason: string): DeltaError {
  return new DeltaError({
    kind: 'data',
    code: 'ERASE_UNREADABLE',
    message:
      `nobody can tell which rows these files of the table hold: ${some(paths)} (${reason}); nothing was changed: ` +
      'put them right, or vacuum the older versions that have them, and erase then',
    details: { files: paths.length },
  });
}

/** `ERASE_CLONE`: a shallow clone reads files that would have to go. */
export function eraseClone(reads: readonly CloneRead[]): DeltaError {
  const clones = [...new Set(reads.map(({ clone }) => clone))];
  const paths = [...new Set(reads.map(({ key }) => key))];
  return new DeltaError({
    kind: 'invalid',
    code: 'ERASE_CLONE',
    message:
      `shallow clones read files with such rows: ${some(clones)} read ${some(paths)}; nothing was changed: delete the rows ` +
      'in the clone first, by copy-on-write, or name it in forgetClones if it is gone for good',
    details: { files: paths.length },
  });
}

function some(texts: readonly string[]): string {
  const more = texts.length - NAMED_MAX;
  return `${texts.slice(0, NAMED_MAX).join(', ')}${more > 0 ? ` and ${String(more)} more` : ''}`;
}
