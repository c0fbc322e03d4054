/** The process of many-builds.ts: builds what it is sent, several at a time, until nobody can send any more. */

import { once } from 'node:events';
import { Readable } from 'node:stream';
import { buildDockerfile } from '../../../src/builder/index.ts';
import { dockerfileRequestFrom } from '../../../src/cli/actions/builder-build.ts';
import type { CommandIo, Invocation } from '../../../src/cli/command.ts';
import { openImages } from '../../../src/cli/images.ts';
import { openSession } from '../../../src/cli/session.ts';
import { loadSettings } from '../../../src/cli/wiring.ts';
import { asBuildError } from '../../../src/errors/index.ts';
import { silentReporter } from '../../../src/events/index.ts';
import type { Question, Reply } from './many-builds.ts';

const gone = once(process, 'disconnect');
const silent = { write: () => true, isTTY: false };
const io: CommandIo = {
  stdout: silent,
  stderr: silent,
  stdin: Readable.from([]),
  env: process.env,
  cwd: process.cwd(),
  node: process.execPath,
  self: [process.execPath, import.meta.filename],
  argv: [],
  arch: process.arch,
  uid: process.getuid?.() ?? 0,
  gid: process.getgid?.() ?? 0,
  replaceProcess: () => {},
  signal: new AbortController().signal,
};
const invocation: Invocation = { args: [], options: {}, io };
const config = await loadSettings(invocation);
await using session = await openSession(config, invocation);
await using images = await openImages(config, io, session.store, silentReporter);
const { store, agent } = session;
const reporter = silentReporter;
const ports = { images, http: images.http, store, agent, reporter, now: Date.now };

process.on('message', async ({ id, context, options }: Question) => {
  const reply = (end: Omit<Reply, 'id'>) => process.send?.({ id, ...end } satisfies Reply);
  try {
    const request = dockerfileRequestFrom({ args: [context], options, io }, config.values);
    await buildDockerfile({ ...ports, stdin: io.stdin, env: io.env }, request, io.signal);
    reply({});
  } catch (error) {
    reply({ failure: asBuildError(error).message });
  }
});
await gone;
