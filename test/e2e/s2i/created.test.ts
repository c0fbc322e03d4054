/** The way of the seeds: `create`, then the builder image from its Dockerfile, then applications, incrementally. */

import t from 'tap';
import { deriveImage } from '../s2i-support.ts';
import { openWorkbench, succeed } from '../support.ts';

t.setTimeout(600_000);

t.test('R1 a created builder builds, incrementally, and runs', async (t) => {
  await using bench = await openWorkbench();
  // Has what the Dockerfile of the skeleton installs.
  const base = await deriveImage(bench, 'base', {
    files: { 'usr/bin/apt-get': '#!/bin/sh\nexit 0\n' },
  });
  succeed(t, await bench.s2oci(['create', 'my-builder', 'made']));
  const args = ['made', '-t', 'oci:my-builder:1', '--build-arg', `BASE=${base}`];
  succeed(t, await bench.s2oci(['builder', 'build', ...args]));
  const usage = await bench.s2oci(['run', 'oci:my-builder:1']);
  t.match(usage.stdout, /This is my-builder/, 'the bare image explains itself');
  const build = ['build', 'made/test/test-app', 'oci:my-builder:1', 'oci:app:1', '--incremental'];
  const first = await bench.s2oci(build);
  succeed(t, first);
  t.notMatch(first.stderr, /Restoring build artifacts/);
  const second = await bench.s2oci([...build, '-e', 'SECOND=1']);
  succeed(t, second);
  t.match(
    second.stderr,
    /---> Restoring build artifacts\.\.\.[\s\S]*---> Building and installing application from source/,
  );
});
