/**
 * The program as it is shipped: client, agent, threads and probes in few files, which start in half of the time that
 * the modules of the library would take (docs/adr/0014-bundled-program.md). The entries find one another by
 * name in one folder; what several of them share, and what only some commands need, are parts beside them.
 */

import { existsSync, readdirSync, rmSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { build, type Plugin } from 'esbuild';

const root = join(import.meta.dirname, '..');
const src = join(root, 'src');

// Bundled packages of the older module format ask for Node's own modules in their way.
const banner =
  "import { createRequire as s2ociRequire } from 'node:module';const require = s2ociRequire(import.meta.url);";

/**
 * Of undici the parts that the program uses, without HTTP/2, which its transport does not speak: loading them takes half
 * of the time. The library imports the package as it is.
 */
const lessOfUndici: Plugin = {
  name: 'less of undici',
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: /^undici$/ }, () => ({ path: 'undici', namespace: 'less' }));
    onResolve({ filter: /\/client-h2\.js$/ }, () => ({ path: 'client-h2', namespace: 'less' }));
    onLoad({ filter: /.*/, namespace: 'less' }, ({ path }) => ({
      contents: path === 'undici' ? usedOfUndici : 'module.exports = undefined;',
      resolveDir: join(root, 'node_modules/undici'),
    }));
  },
};

/** Proxies are reached by a method that the whole package gives to all dispatchers. */
const usedOfUndici = `
require('./lib/dispatcher/dispatcher.js').prototype.connect = require('./lib/api/api-connect.js');
exports.Agent = require('./lib/dispatcher/agent.js');
exports.ProxyAgent = require('./lib/dispatcher/proxy-agent.js');
exports.buildConnector = require('./lib/core/connect.js');
`;

/** Writes the program into a directory, and removes what an earlier one has left there. */
export async function bundle(directory: string): Promise<void> {
  const { metafile } = await build({
    entryPoints: entries(),
    outdir: directory,
    absWorkingDir: root,
    chunkNames: 'part-[hash]',
    bundle: true,
    splitting: true,
    metafile: true,
    platform: 'node',
    format: 'esm',
    target: 'node22',
    legalComments: 'inline',
    logLevel: 'error',
    banner: { js: banner },
    plugins: [lessOfUndici],
    // So undici leaves its experimental second parser out.
    define: { esbuildDetection: 'true' },
  });
  const written = new Set(Object.keys(metafile.outputs).map((path) => join(root, path)));
  for (const path of filesBelow(directory).map((name) => join(directory, name)))
    if (!written.has(path)) rmSync(path);
}

/** Every program and thread by where it lies beside the first: threads of layer/ are named from there, others alone. */
function entries(): { readonly in: string; readonly out: string }[] {
  const others = readdirSync(src, { recursive: true, encoding: 'utf8' })
    .filter((path) => /(?:-main|worker)\.ts$/.test(path))
    .sort()
    .map((path) => ({
      in: join(src, path),
      out: (path.startsWith('layer/') ? path.slice('layer/'.length) : basename(path)).slice(0, -3),
    }));
  return [{ in: join(src, 'cli/main.ts'), out: 'main' }, ...others];
}

/** The files below a directory, relative to it; none when it does not exist. */
export function filesBelow(directory: string): readonly string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)));
}
