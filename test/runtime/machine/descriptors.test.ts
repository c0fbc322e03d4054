/** CVE-2024-21626: what a shell left open neither reaches a sandbox nor goes unnoticed. */

import { fileURLToPath } from 'node:url';
import t from 'tap';
import { run } from '../../support/as-user.ts';

const program = fileURLToPath(new URL('../support/descriptors-main.ts', import.meta.url));

t.test('descriptors of the parent are found, closed, and refused before', async (t) => {
  const script = 'exec 7</ 9</etc; exec "$@"';
  const { stdout, stderr } = await run('sh', ['-c', script, 'sh', process.execPath, program]);
  t.equal(stderr, '');
  const { before, refusal, after } = JSON.parse(stdout);
  t.ok(before.includes(7) && before.includes(9), before);
  t.match(refusal, /descriptors .*7.*would reach the sandbox/);
  t.same(after, []);
});
