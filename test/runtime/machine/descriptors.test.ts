/** CVE-2024-21626: what a shell left open neither reaches a sandbox nor goes unnoticed. */

import { fileURLToPath } from 'node:url';
import t from 'tap';
import { run } from '../../support/as-user.ts';

const program = fileURLToPath(new URL('../support/descriptors-main.ts', import.meta.url));

t.test('descriptors of the parent are found, closed, and refused before', async (t) => {
  // Node itself looks after those up to 15, dash cannot open others
  const script = 'exec 20</ 100</etc; exec "$@"';
  const { stdout, stderr } = await run('bash', ['-c', script, 'bash', process.execPath, program]);
  t.equal(stderr, '');
  const { before, refusal, after } = JSON.parse(stdout);
  t.ok(before.includes(20) && before.includes(100), before.join());
  t.match(refusal, /descriptors 20, 100.* would reach the sandbox/);
  t.same(after, []);
});
