/**
 * Makes a builder image out of the Node that runs this: its binary and shared objects, npm, a shell and the
 * S2I scripts of `s2i/bin`, as an OCI layout with one uncompressed layer. Nothing is downloaded.
 *
 * The image trusts the certificate authorities that Node brings along. Behind a private one, hand its bundle
 * to the build (`s2oci build --ca-bundle FILE`): it is mounted for assemble and never part of an image.
 */

import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import {
  composeIndex,
  composeManifest,
  type Descriptor,
  descriptorOf,
  finishDigest,
  hexOf,
  hostPlatform,
  mediaTypes,
} from '../../src/model/index.ts';
import { TarWriter } from '../../src/tar/index.ts';
import { FileTree } from './file-tree.ts';
import { addNode, addNpm, addShell } from './host-files.ts';

const scripts = '/usr/libexec/s2i';
const home = '/opt/app-root/src';
const scriptFolder = join(import.meta.dirname, 's2i/bin');

/**
 * Makes the demo builder image in a directory, which must not hold an image yet.
 *
 * @returns the image as s2oci takes it, `oci:DIRECTORY:24` for Node 24
 */
export async function makeDemoBuilder(directory: string): Promise<string> {
  const tag = process.versions.node.split('.')[0] ?? 'latest';
  await mkdir(join(directory, 'blobs/sha256'), { recursive: true });
  const layer = await writeLayer(directory, await builderTree());
  const config = await writeBlob(directory, configOf(layer), mediaTypes.ociConfig);
  const manifest = composeManifest({ config, layers: [layer] }, 'oci');
  const described = await writeBlob(directory, manifest.raw, manifest.mediaType);
  const annotations = { 'org.opencontainers.image.ref.name': tag };
  const index = composeIndex([{ ...described, annotations }]);
  await writeFile(join(directory, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  await writeFile(join(directory, 'index.json'), index.raw);
  return `oci:${directory}:${tag}`;
}

async function builderTree(): Promise<FileTree> {
  const tree = new FileTree();
  for (const folder of ['/dev', '/proc', '/sys', '/etc/ssl/certs', '/var/tmp']) {
    tree.directory(folder);
  }
  tree.directory('/tmp', { mode: 0o1777 });
  tree.directory('/root', { mode: 0o700 });
  tree.text('/etc/passwd', passwd);
  tree.text('/etc/group', 'root:x:0:\nnobody:x:65534:\n');
  tree.text('/etc/nsswitch.conf', 'passwd: files\ngroup: files\nhosts: files dns\n');
  for (const folder of ['/opt/app-root', home]) {
    tree.directory(folder, { mode: 0o775, uid: 1001 });
  }
  await addNode(tree);
  await addNpm(tree);
  await addShell(tree);
  await tree.folder(scriptFolder, scripts, { mode: 0o755 });
  return tree;
}

const passwd = [
  'root:x:0:0:root:/root:/bin/sh',
  `default:x:1001:0:Default Application User:${home}:/sbin/nologin`,
  'nobody:x:65534:65534:nobody:/:/sbin/nologin',
  '',
].join('\n');

/** Streams the layer into its place; nothing is held in memory but what is under way. */
async function writeLayer(directory: string, tree: FileTree): Promise<Descriptor> {
  const draft = join(directory, 'layer.tar');
  const hash = createHash('sha256');
  let size = 0;
  const measured = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      size += chunk.length;
      done(null, chunk);
    },
  });
  const file = measured.pipe(createWriteStream(draft));
  const written = new Promise<void>((resolve, reject) => {
    file.once('error', reject).once('close', resolve);
  });
  const writer = new TarWriter(measured);
  await tree.write(writer);
  await Promise.all([writer.finish(), written]);
  const digest = finishDigest(hash);
  await rename(draft, join(directory, 'blobs/sha256', hexOf(digest)));
  return { mediaType: mediaTypes.ociLayer, digest, size };
}

function configOf(layer: Descriptor): Buffer {
  const created = '1970-01-01T00:00:00Z';
  const platform = hostPlatform(process.platform, process.arch);
  return Buffer.from(
    JSON.stringify({
      created,
      ...platform,
      config: {
        User: '1001',
        Env: [
          'PATH=/usr/local/bin:/usr/bin:/bin',
          `HOME=${home}`,
          'NPM_CONFIG_UPDATE_NOTIFIER=false',
        ],
        Cmd: [`${scripts}/usage`],
        WorkingDir: home,
        ExposedPorts: { '8080/tcp': {} },
        Labels: {
          'io.k8s.display-name': `Node ${process.versions.node}`,
          'io.k8s.description': 'Builds and runs Node applications',
          'io.openshift.expose-services': '8080:http',
          'io.openshift.s2i.scripts-url': `image://${scripts}`,
          'io.s2i.scripts-url': `image://${scripts}`,
          'io.openshift.tags': 'builder,nodejs',
        },
      },
      // The layer is not compressed, so its digest is its diffID too.
      rootfs: { type: 'layers', diff_ids: [layer.digest] },
      history: [{ created, created_by: 's2oci demo: the running Node, npm and a shell' }],
    }),
  );
}

async function writeBlob(
  directory: string,
  bytes: Uint8Array,
  mediaType: string,
): Promise<Descriptor> {
  const descriptor = descriptorOf(bytes, mediaType);
  await writeFile(join(directory, 'blobs/sha256', hexOf(descriptor.digest)), bytes);
  return descriptor;
}
