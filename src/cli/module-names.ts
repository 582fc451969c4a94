/** How the command finds its own modules. */

import { registerHooks } from 'node:module';

/** Of some hundred modules in CommonJS, which Node loads more slowly beside a hook; most of our own are there before it. */
const ENGINE = '@duckdb/node-api';

/**
 * From now on, until the engine is loaded, what a module below `folder`, a URL that ends in `/`, imports by a relative name is
 * where the name says. Node would look for links and for the package at each import, a thousand times: a third of the CPU
 * of showing a table. Nothing else can come out of it, since the names in the package are whole, and Node has followed the
 * links to `folder`.
 */
export function resolveByName(folder: URL): void {
  const hooks = registerHooks({
    resolve(specifier, context, nextResolve) {
      const { parentURL } = context;
      const isOwn = parentURL?.startsWith(folder.href) === true;
      if (isOwn && specifier === ENGINE) hooks.deregister();
      if (!isOwn || !specifier.startsWith('.')) return nextResolve(specifier, context);
      const format = specifier.endsWith('.ts') ? 'module-typescript' : 'module';
      return { url: new URL(specifier, parentURL).href, format, shortCircuit: true };
    },
  });
}
