/** A session of the engine that is opened at its first use, or never. */

import { openOrderedSession, type Session } from '../../engine/index.ts';
import type { TableContext } from '../types.ts';

export class LazySession {
  readonly #ctx: TableContext;
  #session: Promise<Session> | null = null;

  constructor(ctx: TableContext) {
    this.#ctx = ctx;
  }

  open(): Promise<Session> {
    this.#session ??= this.#load();
    return this.#session;
  }

  async close(): Promise<void> {
    await (await this.#session)?.close();
  }

  async #load(): Promise<Session> {
    return openOrderedSession(await this.#ctx.engine());
  }
}
