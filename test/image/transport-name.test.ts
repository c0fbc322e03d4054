/** Names of images, in the spelling that skopeo shares. */

import t from 'tap';
import { parseTransport } from '../../src/image/index.ts';
import { formatReference } from '../../src/model/index.ts';

const digest = `sha256:${'a'.repeat(64)}`;

t.test('references into registries', async (t) => {
  const cases = {
    'docker://127.0.0.1:5000/a/b:1': '127.0.0.1:5000/a/b:1',
    'docker://busybox': 'docker.io/library/busybox:latest',
    'localhost:5000/app': 'localhost:5000/app:latest',
    'registry.example.com/a': 'registry.example.com/a:latest',
    [`app@${digest}`]: `docker.io/library/app@${digest}`,
    'ocitools/app': 'docker.io/ocitools/app:latest',
  };
  for (const [text, expected] of Object.entries(cases)) {
    const name = parseTransport(text);
    t.equal(name.transport === 'registry' && formatReference(name.reference), expected, text);
  }
});

t.test('layouts and archives of them', async (t) => {
  const cases = {
    'oci:dir': { transport: 'oci', path: 'dir' },
    'oci:./a dir/x:v1': { transport: 'oci', path: './a dir/x', tag: 'v1' },
    'oci:/abs:localhost:5000/a/b:v1': {
      transport: 'oci',
      path: '/abs',
      tag: 'localhost:5000/a/b:v1',
    },
    [`oci:dir@${digest}`]: { transport: 'oci', path: 'dir', digest },
    [`oci-archive:f.tar:v1@${digest}`]: {
      transport: 'oci-archive',
      path: 'f.tar',
      tag: 'v1',
      digest,
    },
    'oci:user@host': { transport: 'oci', path: 'user@host' },
  };
  for (const [text, expected] of Object.entries(cases))
    t.same(parseTransport(text), expected, text);
});

t.test('archives of docker', async (t) => {
  t.same(parseTransport('docker-archive:f.tar'), { transport: 'docker-archive', path: 'f.tar' });
  t.same(parseTransport('docker-archive:f.tar:@3'), {
    transport: 'docker-archive',
    path: 'f.tar',
    index: 3,
  });
  t.match(parseTransport('docker-archive:f.tar:app'), {
    reference: { registry: 'docker.io', repository: 'library/app', tag: 'latest' },
  });
});

t.test('what is no name is refused, with the reason', async (t) => {
  const cases = {
    'oci:': /no path/,
    'oci:dir:': /nothing follows/,
    'oci:dir:a\u001b[31m': /is not a tag/,
    'oci-archive::v1': /no path/,
    'oci:a\0b': /NUL/,
    [`docker-archive:f.tar:app@${digest}`]: /no digests/,
    'docker-archive:f.tar:UPPER': /lower-case/,
    'docker://': /is empty|not an image reference/,
    'a/UPPER': /lower-case/,
    '': /empty/,
  };
  for (const [text, message] of Object.entries(cases)) {
    t.throws(() => parseTransport(text), { code: 'REFERENCE_INVALID', exitCode: 2, message }, text);
  }
});

t.test('transports of other tools are refused with advice', async (t) => {
  for (const name of [
    'docker-daemon:app:1',
    'containers-storage:app',
    'dir:x',
    'ostree:a',
    'sif:x',
  ]) {
    t.throws(() => parseTransport(name), { code: 'USAGE_INVALID', suggestion: /skopeo copy/ });
  }
});
