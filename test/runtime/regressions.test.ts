/**
 * What rootless building got wrong before (rootless.md C5): each of the list has a test that names it, as
 * `regression: NAME`.
 */

import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';

const list = [
  ...['opaque on renamed dir', 'whiteout hardlinks', 'stub mountpoints', '/dev/null file'],
  ...['volatile workdir reuse', 'read-only overlay mount', 'map-auto hang'],
  ...['parent SIGKILL leftovers', 'v3 capability', 'EXDEV on lower dir rename'],
];

t.test(
  'every regression of the list has a test that names it, and none is named that is not',
  async (t) => {
    const root = join(import.meta.dirname, '..');
    const named = globSync('**/*.ts', { cwd: root })
      .filter((path) => path !== 'runtime/regressions.test.ts')
      .flatMap((path) => [
        ...readFileSync(join(root, path), 'utf8').matchAll(/['`]regression: ([^:;'`]+)/g),
      ])
      .map(([, name = '']) => name);
    t.same([...new Set(named)].toSorted(), list.toSorted());
  },
);
