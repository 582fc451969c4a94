/** How the command finds its own modules. */

import { registerHooks } from 'node:module';

/**
 * From now on what a module below `folder`, a URL that ends in `/`, imports by a relative name is where the name says.
 * Node would look for links and for the package at each import, a thousand times: a third of the CPU of showing a table.
 * Nothing else can come out of it, since the names in the package are whole, and Node has followed the links to `folder`.
 */
export function resolveByName(folder: URL): void {
  registerHooks({
    resolve(specifier, context, nextResolve) {
      const { parentURL } = context;
      if (!specifier.startsWith('.') || parentURL?.startsWith(folder.href) !== true) {
        return nextResolve(specifier, context);
      }
      return { url: new URL(specifier, parentURL).href, shortCircuit: true };
    },
  });
}
