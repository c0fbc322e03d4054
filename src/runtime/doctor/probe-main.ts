/**
 * Entry of the process that probes from inside the namespaces of a build: the executors all at once, and
 * the storage. It answers one message and ends with its channel.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { join } from 'node:path';
import { chooseRuntime } from '../choose.ts';
import { closeInheritedDescriptors } from '../machine/descriptors.ts';
import { readIdentity } from '../machine/identity.ts';
import { searchTools } from '../machine/tools.ts';
import { runtimes } from '../runtimes.ts';
import { overlayProblem } from './overlay.ts';
import type { ProbeAnswer, ProbeQuestion } from './probe-protocol.ts';

/** Users of builds: what most builder images set, and root. */
const imageUser = { uid: 1001, gid: 0, additionalGids: [] };
const root = { uid: 0, gid: 0, additionalGids: [] };

closeInheritedDescriptors();
process.on('disconnect', () => process.exit(0));
process.once('message', async (message) => {
  process.send?.(await answer(message as ProbeQuestion));
  // whoever asked ends, and this process with it, before Node would do that
  flushCompileCache();
});

async function answer({ directory, path }: ProbeQuestion): Promise<ProbeAnswer> {
  const tools = searchTools(path);
  const stateDirectory = mkdtempSync(join(directory, 'doctor-'));
  try {
    const all = runtimes({ tools, identity: readIdentity(), stateDirectory });
    const quick = all.filter(({ name }) => name !== 'podman');
    const [overlay] = await Promise.all([
      overlayProblem(tools, stateDirectory),
      ...quick.map((runtime) => runtime.probe()),
    ]);
    const capabilities = await Promise.all(
      quick.map(async (runtime) => ({ name: runtime.name, capability: await runtime.probe() })),
    );
    const choose = (user: typeof root) =>
      chooseRuntime(all, { user }).then(
        ({ runtime, isolation, capability, considered }) => ({
          executor: runtime.name,
          isolation,
          limitations: capability.limitations,
          considered,
        }),
        () => undefined,
      );
    return {
      ...(overlay === undefined ? {} : { overlay }),
      capabilities,
      asUser: await choose(imageUser),
      asRoot: await choose(root),
    };
  } finally {
    rmSync(stateDirectory, { recursive: true, force: true });
  }
}
