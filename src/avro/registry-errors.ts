/** Every error of schema registries. Names hold the address without credentials. */

import { DeltaError } from '../base/index.ts';

/** Where an error came up: on which registry, and what was asked of it. */
export interface RegistryCall {
  readonly registry: string;
  readonly request: string;
}

export function badUrl(why: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'REGISTRY_BAD_URL',
    message: `No schema registry can be opened: ${why}. Give http://…, https://… or file:///….`,
  });
}

export function unavailable(call: RegistryCall, why: string, cause?: unknown): DeltaError {
  return new DeltaError({
    kind: 'unavailable',
    code: 'REGISTRY_UNAVAILABLE',
    message: `The schema registry does not answer (${why}); try again later, or check its address.`,
    details: { ...call },
    retryable: true,
    cause,
  });
}

export function denied(call: RegistryCall, status: number): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'REGISTRY_DENIED',
    message: 'The schema registry refuses access; check the credentials and their rights.',
    details: { ...call, status },
  });
}

export function badAnswer(call: RegistryCall, why: string, cause?: unknown): DeltaError {
  return new DeltaError({
    kind: 'data',
    code: 'REGISTRY_BAD_ANSWER',
    message: `This is not the answer of a schema registry: ${why}. Check the address, and its path.`,
    details: { ...call },
    cause,
  });
}

export function unknownId(registry: string, id: number): DeltaError {
  return new DeltaError({
    kind: 'data',
    code: 'REGISTRY_UNKNOWN_ID',
    message:
      'The schema registry has no schema of this id; the message was made for another registry, or the schema is gone.',
    details: { registry, id },
  });
}

export function unknownVersion(
  registry: string,
  subject: string,
  version: number | 'latest',
): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'REGISTRY_UNKNOWN_SUBJECT',
    message:
      'The schema registry has no such version of the subject; register its schema, or check the name.',
    details: { registry, subject, version },
  });
}

export function notAvro(call: RegistryCall, type: string): DeltaError {
  return new DeltaError({
    kind: 'unsupported',
    code: 'REGISTRY_NOT_AVRO',
    message: 'The schema is of another kind than Avro, the only one that is read.',
    details: { ...call, type },
  });
}

/** A schema that the registry does not take; `reason` is its own. */
export function refused(call: RegistryCall, isIncompatible: boolean, reason: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: isIncompatible ? 'REGISTRY_INCOMPATIBLE' : 'REGISTRY_BAD_SCHEMA',
    message: isIncompatible
      ? `The schema is not compatible with the versions of the subject: ${reason}. Change it, or the rule.`
      : `The schema registry does not take the schema: ${reason}. Correct it.`,
    details: { ...call },
  });
}
