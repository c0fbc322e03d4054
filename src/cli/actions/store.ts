/** `s2oci store`: the local state of this user. */

import { BuildError } from '../../errors/index.ts';
import { displayText } from '../../model/index.ts';
import type { VerifyReport } from '../../store/index.ts';
import { formatBytes } from '../../ui/index.ts';
import { flagOption, type Invocation, textOption } from '../command.ts';
import { treeChecker, withAgent, withTreeRemover } from '../session.ts';
import { loadSettings, openLocalStore } from '../wiring.ts';
import { durationOption, sizeOption } from './measures.ts';

/** Prints the directory. */
export async function printPath(invocation: Invocation): Promise<number> {
  const config = await loadSettings(invocation);
  invocation.io.stdout.write(`${config.values.home}\n`);
  return 0;
}

/** Prints counts and bytes of each kind. */
export async function showUsage(invocation: Invocation): Promise<number> {
  const { io, options } = invocation;
  await using store = await openLocalStore(await loadSettings(invocation), invocation);
  const usage = await store.df();
  if (flagOption(options, 'json')) {
    io.stdout.write(`${JSON.stringify(usage)}\n`);
    return 0;
  }
  const { freeBytes, ...kinds } = usage;
  for (const [name, { count, bytes }] of Object.entries(kinds)) {
    io.stdout.write(`${name.padEnd(12)}${String(count).padStart(6)}  ${formatBytes(bytes)}\n`);
  }
  io.stdout.write(`${'free'.padEnd(20)}${formatBytes(freeBytes)}\n`);
  return 0;
}

/** Checks every blob and root file system. @throws BuildError `STORE_DAMAGED` when one was damaged */
export async function verify(invocation: Invocation): Promise<number> {
  const { io, options } = invocation;
  const report = await verifyStore(invocation);
  if (flagOption(options, 'json')) {
    io.stdout.write(`${JSON.stringify(report)}\n`);
  } else {
    io.stdout.write(
      `${report.checkedBlobs} blobs, ${formatBytes(report.checkedBytes)}, ${report.checkedRootfs} root file systems: ${report.damaged.length} damaged\n`,
    );
    for (const { name, reason } of report.damaged)
      io.stdout.write(`  ${displayText(`${name}: ${reason}`)}\n`);
  }
  if (report.damaged.length === 0) return 0;
  throw new BuildError('STORE_DAMAGED', `${report.damaged.length} damaged entries were set aside`, {
    suggestion: 'nothing is lost: what was set aside is fetched again when it is needed',
  });
}

/** Trees may belong to subordinate ids, so the agent looks at them; it can only run where the store can be written. */
async function verifyStore(invocation: Invocation): Promise<VerifyReport> {
  const config = await loadSettings(invocation);
  await using store = await openLocalStore(config, invocation);
  const { signal } = invocation.io;
  if (store.readOnly || (await store.rootfs.list()).length === 0) return store.verify(signal);
  return withAgent(config, invocation, (agent) => store.verify(signal, treeChecker(agent, signal)));
}

/** Removes what nothing uses. */
export async function prune(invocation: Invocation): Promise<number> {
  const { io, options } = invocation;
  const keepBytes = sizeOption(textOption(options, 'keepBytes'));
  const olderThan = durationOption(textOption(options, 'olderThan'));
  const config = await loadSettings(invocation);
  await using store = await openLocalStore(config, invocation);
  const report = await withTreeRemover(config, invocation, (removeTree) =>
    store.prune({ keepBytes, olderThan, removeTree }),
  );
  io.stdout.write(
    flagOption(options, 'json')
      ? `${JSON.stringify(report)}\n`
      : `removed ${report.removedBlobs} blobs, ${report.removedRootfs} root file systems and ${report.removedCaches} caches, ${formatBytes(report.removedBytes)}; kept ${formatBytes(report.keptBytes)}\n`,
  );
  return 0;
}
