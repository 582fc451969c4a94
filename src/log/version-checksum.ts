/**
 * The checksum file of a version: how many files of which size, and the protocol and metadata, so that these can be
 * had without replay. PROTOCOL.md, "Version Checksum File".
 */

import { isJsonObject, type JsonObject, parseJson, printJson } from '../base/index.ts';
import type { Metadata, Protocol } from './actions.ts';
import { actionJson } from './codec.ts';
import { txnIdOf } from './commit-info.ts';
import { decodeAction } from './decode.ts';
import type { LogState } from './state.ts';

/** The bytes of the checksum file of a state. */
export function printVersionChecksum(state: LogState): Uint8Array {
  const json: JsonObject = {
    txnId: txnIdOf(state.commitInfo) ?? undefined,
    tableSizeBytes: state.sizeBytes,
    numFiles: state.files.size,
    numMetadata: 1,
    numProtocol: 1,
    metadata: actionJson({ kind: 'metaData', metaData: state.metadata })['metaData'],
    ...actionJson({ kind: 'protocol', protocol: state.protocol }),
  };
  return new TextEncoder().encode(printJson(json));
}

/** The protocol and metadata of a checksum file, or null where it is torn, wrong or lacks them. */
export function parseVersionChecksum(
  bytes: Uint8Array,
  file: string,
): { readonly protocol: Protocol; readonly metadata: Metadata } | null {
  try {
    const value = parseJson(new TextDecoder().decode(bytes));
    if (!isJsonObject(value)) return null;
    const { protocol, metadata } = value;
    const actions = [
      ...decodeAction({ protocol }, file, 1),
      ...decodeAction({ metaData: metadata }, file, 1),
    ];
    const [first, second] = actions;
    if (first?.kind !== 'protocol' || second?.kind !== 'metaData') return null;
    return { protocol: first.protocol, metadata: second.metaData };
  } catch {
    // Written beside the commit and optional: what cannot be read is taken from the log itself.
    return null;
  }
}
