/** Commits of a table that is copied to where the times of files are not its own: they get their time in them. */

import { type Action, parseCommit, printCommit, withFeatures } from '../../log/index.ts';

/**
 * The commit with an in-commit timestamp, as its first action; where it says what the table is, it says that such times count.
 * PROTOCOL.md, "In-Commit Timestamps". Errors: those of `parseCommit`.
 */
export function withCommitTime(
  bytes: Uint8Array,
  { path, timeMs }: { readonly path: string; readonly timeMs: number },
): Uint8Array {
  const actions = parseCommit(bytes, path);
  const told = actions.find(({ kind }) => kind === 'commitInfo');
  const { inCommitTimestamp: _before, ...info } =
    told?.kind === 'commitInfo' ? told.commitInfo : { inCommitTimestamp: null, timestamp: timeMs };
  const commitInfo = { inCommitTimestamp: timeMs, ...info };
  const own: Action = { kind: 'commitInfo', commitInfo };
  const others = actions.filter(({ kind }) => kind !== 'commitInfo').map(enabled);
  return printCommit([own, ...others]);
}

function enabled(action: Action): Action {
  if (action.kind === 'protocol') {
    return { kind: 'protocol', protocol: withFeatures(action.protocol, ['inCommitTimestamp']) };
  }
  if (action.kind !== 'metaData') return action;
  const { metaData } = action;
  const configuration = { ...metaData.configuration, 'delta.enableInCommitTimestamps': 'true' };
  return { kind: 'metaData', metaData: { ...metaData, configuration } };
}
