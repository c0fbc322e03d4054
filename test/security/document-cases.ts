/** Hostile manifests and configs: the rows of security.md 2.2, each as a real builder image with changed documents. */

import { gzipSync, zstdCompressSync } from 'node:zlib';
import { dir, fifo, file, layer, symlink } from '../layer/support/archive.ts';
import { built, exits, type HostileCase, refused } from './case.ts';
import { type Document, digestOf } from './hostile-image.ts';

const inManifest = (manifest: (manifest: Document) => void) => () => ({ manifest });
const inConfig = (config: (config: Document) => void) => () => ({ config });
const settings = (change: Record<string, unknown>) =>
  inConfig((config) => Object.assign(config.config, change));
const tiny = layer(file('x', 'x'));

const manifests: readonly HostileCase[] = [
  refused(
    'M01',
    'CVE-2021-41190 a manifest that is an index too',
    inManifest((manifest) => {
      manifest.manifests = [manifest.config];
    }),
  ),
  ...[-1, '5', 1.5, 2 ** 53 + 2].map((size) =>
    refused(
      'M03',
      `GHSA-f36w-mj3v-6jqv a layer of size ${JSON.stringify(size)}`,
      inManifest((manifest) => {
        manifest.layers[0].size = size;
      }),
    ),
  ),
  ...[-1, 1].map((by) =>
    refused(
      'M03',
      `a layer whose size is off by ${by}`,
      inManifest((manifest) => {
        manifest.layers[0].size += by;
      }),
    ),
  ),
  ...[
    'sha256:../../../../etc/passwd',
    `sha256:${'A'.repeat(64)}`,
    `md5:${'0'.repeat(32)}`,
    'sha256:',
    `sha512:${'0'.repeat(64)}`,
  ].map((digest) =>
    refused(
      'M04',
      `CVE-2024-3727 the digest ${digest.slice(0, 20)}`,
      inManifest((manifest) => {
        manifest.layers[0].digest = digest;
      }),
    ),
  ),
  {
    ...refused(
      'M08',
      'CVE-2020-15157 a foreign layer that lies elsewhere',
      inManifest((manifest) => {
        manifest.layers.push({
          mediaType: 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip',
          ...{ digest: digestOf(gzipSync(tiny)), size: 100, urls: ['http://127.0.0.1:9/metadata'] },
        });
      }),
    ),
  },
  refused(
    'M09',
    'data that is not what the digest says',
    inManifest((manifest) => {
      manifest.config.data = Buffer.from('{}').toString('base64');
    }),
  ),
];

const contents: readonly HostileCase[] = [
  built('M05', 'sha512 beside sha256', () => ({
    layers: [{ blob: gzipSync(tiny), diffId: digestOf(tiny, 'sha512'), algorithm: 'sha512' }],
  })),
  refused('M06', 'another diffID', () => ({
    layers: [{ blob: gzipSync(tiny), diffId: digestOf(Buffer.from('x')) }],
  })),
  refused(
    'M06',
    'one diffID too few',
    inConfig((config) => void config.rootfs.diff_ids.pop()),
  ),
  refused('M06', 'zstd that is said to be gzip', () => ({
    layers: [{ blob: zstdCompressSync(tiny), diffId: digestOf(tiny) }],
  })),
  {
    row: 'M13',
    title: 'CVE-2023-25173 CVE-2024-9676 a user to be looked up in a FIFO',
    exitCode: exits.contract,
    image: () => ({
      layers: [
        layer(
          dir('etc'),
          fifo('etc/pipe'),
          symlink('etc/passwd', 'pipe'),
          symlink('etc/group', '/proc/self/fd/0'),
        ),
      ],
      config: (config) => Object.assign(config.config, { User: 'somebody' }),
    }),
  },
];

const configs: readonly HostileCase[] = [
  ...['4294967296', '2147483648:0', '-1', ' 1', '1001\n0', 'user;id'].map((user) =>
    refused(
      'M10',
      `CVE-2024-40635 CVE-2026-30892 the user ${JSON.stringify(user)}`,
      settings({ User: user }),
    ),
  ),
  ...['/proc/self/fd/7', '../../..', '/proc/self/cwd/..'].map((path) =>
    refused('M12', `CVE-2024-21626 the working directory ${path}`, settings({ WorkingDir: path })),
  ),
  built(
    'M14',
    'CVE-2026-53488 labels that runtimes listen to',
    inConfig((config) => {
      Object.assign(config.config.Labels, {
        'run.oci.hooks.stdin': '/bin/sh',
        'org.opencontainers.runc.exec': '/bin/sh',
        'io.podman.annotations.init': 'TRUE',
        __proto__x: 'polluted',
      });
    }),
  ),
  built(
    'M15',
    'an environment for other programs than the script',
    inConfig((config) => {
      config.config.Env.push(
        'NODE_OPTIONS=--no-such-option',
        'S2OCI_HOME=/nowhere',
        'LD_DEBUG=all',
      );
    }),
  ),
  refused('M15', 'a variable with a NUL', settings({ Env: ['A=\0', 'PATH=/bin'] })),
  refused('M15', 'an environment of 10 MB', settings({ Env: [`A=${'x'.repeat(10 ** 7)}`] })),
  built(
    'M16',
    'CVE-2024-52005 labels that talk to terminals',
    inConfig((config) => {
      config.config.Labels['io.k8s.description'] = '\u001b]52;c;eA==\u0007\u202e\r';
    }),
  ),
  ...['A', '=A'].map((variable) =>
    refused('M15', `the variable ${variable}`, settings({ Env: [variable, 'PATH=/bin'] })),
  ),
  ...['image:///../../../x', 'file:///etc/shadow', 'http://127.0.0.1:9/scripts'].map((url) => ({
    ...refused(
      'M18',
      `scripts at ${url}`,
      inConfig((config) => {
        config.config.Labels = { 'io.openshift.s2i.scripts-url': url };
      }),
    ),
    exitCode: exits.contract,
  })),
];

/** All of them. */
export const documentCases: readonly HostileCase[] = [...manifests, ...contents, ...configs];
