/**
 * What every command loads before it is known which one it is: the parser and the table of commands, and no
 * implementation. Those are imported on demand, so that `s2oci version` does not pay for `s2oci build`.
 */

import type { Check } from './check.ts';
import { type ImportEdge, importsOf } from './imports.ts';

const entry = 'src/cli/program.ts';
/** Small pure folders, which messages to the user are made with. */
const folders = ['errors', 'model'];
const packages = ['commander'];

/** Follows the imports of the program's start, and finds those that only an implementation needs. */
export const startupCheck: Check = {
  name: 'startup',
  run(project) {
    const loaded = loadedAtOnce(importsOf(project), entry);
    return {
      summary: `${loaded.files.size} modules before a command is chosen`,
      problems: loaded.edges.filter(isHeavy).map(({ place, specifier }) => {
        return `${place}: loads ${specifier} for every command; import() it in run of its command`;
      }),
    };
  },
};

/** The files that are loaded with `start`, and every import on the way. */
function loadedAtOnce(all: readonly ImportEdge[], start: string) {
  const files = new Set([start]);
  const edges: ImportEdge[] = [];
  for (const file of files) {
    for (const edge of all.filter(({ from, loaded }) => from === file && loaded === 'at once')) {
      edges.push(edge);
      if (edge.to !== undefined) files.add(edge.to);
    }
  }
  return { files, edges };
}

function isHeavy({ from, to, specifier }: ImportEdge): boolean {
  if (to === undefined) return !specifier.startsWith('node:') && !packages.includes(specifier);
  const [, folder = ''] = to.split('/');
  const isAction = to.startsWith('src/cli/actions/');
  // What a heavy folder imports in turn is reported once, where it is entered.
  const isInside = folder === from.split('/')[1];
  return isAction || (!isInside && folder !== 'cli' && !folders.includes(folder));
}
