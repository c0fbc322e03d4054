/** An agent that nobody wants any more is ended at whatever moment of its start that becomes known. */

import { chmod, chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { processesOf } from '../e2e/support.ts';
import { findTestUser, run } from '../support/as-user.ts';

const child = fileURLToPath(new URL('./start-child.ts', import.meta.url));

for (const kind of ['with-subuids', 'without-subuids'] as const) {
  t.test(`while it asks for its parent death signal, as a user ${kind}`, async (t) => {
    const user = await findTestUser(kind);
    if (typeof user === 'string') throw new Error(user);
    const home = await mkdtemp(join(tmpdir(), 's2oci-start-'));
    t.teardown(() => rm(home, { recursive: true, force: true }));
    const log = join(home, 'setpriv.log');
    const tools = join(home, 'bin');
    await mkdir(tools);
    // Between this program's exec and that of the real one no parent death signal is set: long enough to be hit.
    const slow = `#!/bin/sh\nsleep 0.3\necho x >>${log}\nsleep 0.3\nexec /usr/bin/setpriv "$@"\n`;
    await writeFile(join(tools, 'setpriv'), slow);
    await chmod(join(tools, 'setpriv'), 0o755);
    // both the user and the root of the namespace write it
    await writeFile(log, '');
    await chmod(log, 0o666);
    await chmod(home, 0o755);
    await chown(home, user.uid, user.gid);
    // The first call stands in front of unshare, the second one inside the namespaces.
    const ended = await run(process.execPath, [child, home, tools, log, '2'], {
      user,
      signal: AbortSignal.timeout(60_000),
    });
    t.equal(ended.stdout, 'nobody needs it any more\n', ended.stderr);
    for (let left = 100; left > 0 && (await processesOf(home)).length > 0; left -= 1)
      await new Promise((resolve) => setTimeout(resolve, 50));
    t.same(await processesOf(home), [], 'nothing is left');
  });
}
