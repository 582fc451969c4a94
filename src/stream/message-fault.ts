/** What keeps a message from being a row. */

/** Why a message makes no row. */
export interface MessageFault {
  readonly code: string;
  readonly reason: string;
}

/** The code of a fault that says nothing of the message: the columns are to be finished first. */
export const BATCH_FULL = 'AVRO_BATCH_FULL';

export function fault(code: string, reason: string): MessageFault {
  return { code, reason };
}
