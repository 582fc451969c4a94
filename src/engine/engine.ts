/** The owner of sessions: one place that closes whatever is still open. */

import { openSession } from './session.ts';
import type { Engine, Session, SessionOptions } from './types.ts';

/** An engine with defaults for its sessions. Nothing is loaded before the first session. */
export function createEngine(defaults: SessionOptions = {}): Engine {
  const sessions = new Set<Session>();
  return {
    openSession: async (options = {}) => {
      const session = await openSession({ ...defaults, ...options });
      sessions.add(session);
      return {
        tempDirectory: session.tempDirectory,
        run: (sql, statement) => session.run(sql, statement),
        query: (sql, statement) => session.query(sql, statement),
        stream: (sql, statement) => session.stream(sql, statement),
        close: async () => {
          sessions.delete(session);
          await session.close();
        },
      };
    },
    close: async () => {
      const open = [...sessions];
      sessions.clear();
      await Promise.all(open.map((session) => session.close()));
    },
  };
}
