/** Small projects on disk for the tests of the checks. */

import type { Test } from 'tap';
import type { Check } from '../../.ci/check/check.ts';
import { openProject } from '../../.ci/check/project.ts';

/** The part of CONTRIBUTING.md that the checks read. */
export const folderTable = [
  '| folder | purpose | may import |',
  '|---|---|---|',
  '| `errors/` | errors | nothing |',
  '| `model/` | values | errors |',
  '| `blob/` | bytes | errors, model |',
  '| `tar/` | archives | errors |',
  '| `store/` | store | blob and above |',
  '| `cli/` | program | all above |',
  '| `index.ts` | library | all but cli |',
].join('\n');

/** Runs a check over a project made of these files and returns what it found. */
export async function problemsOf(
  t: Test,
  check: Check,
  files: Readonly<Record<string, string>>,
): Promise<readonly string[]> {
  const { problems } = await check.run(openProject(t.testdir(treeOf(files))));
  return problems;
}

interface Tree {
  [name: string]: string | Tree;
}

function treeOf(files: Readonly<Record<string, string>>): Tree {
  const root: Tree = {};
  for (const [path, content] of Object.entries(files)) {
    const names = path.split('/');
    const last = names.pop() ?? '';
    let folder = root;
    for (const name of names) {
      folder[name] ??= {};
      folder = folder[name] as Tree;
    }
    folder[last] = content;
  }
  return root;
}
