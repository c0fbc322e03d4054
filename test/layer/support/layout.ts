/** Writes uncompressed layers as an OCI image layout, for other tools to unpack. */

import * as fs from 'node:fs';
import { join } from 'node:path';
import { digestOf, hexOf } from '../../../src/model/index.ts';

/** Writes an image named `latest` with these layers. */
export function writeLayout(directory: string, layers: readonly Buffer[]): void {
  const blobs = join(directory, 'blobs', 'sha256');
  fs.mkdirSync(blobs, { recursive: true });
  const put = (mediaType: string, content: Buffer | object) => {
    const bytes = Buffer.isBuffer(content) ? content : Buffer.from(JSON.stringify(content));
    const digest = digestOf(bytes);
    fs.writeFileSync(join(blobs, hexOf(digest)), bytes);
    return { mediaType, digest, size: bytes.length };
  };
  const type = (name: string) => `application/vnd.oci.image.${name}`;
  const descriptors = layers.map((bytes) => put(type('layer.v1.tar'), bytes));
  const diffIds = descriptors.map(({ digest }) => digest);
  const config = put(type('config.v1+json'), {
    ...{ architecture: 'amd64', os: 'linux', config: {} },
    rootfs: { type: 'layers', diff_ids: diffIds },
  });
  const manifest = put(type('manifest.v1+json'), {
    ...{ schemaVersion: 2, mediaType: type('manifest.v1+json'), config, layers: descriptors },
  });
  const annotations = { 'org.opencontainers.image.ref.name': 'latest' };
  const index = { schemaVersion: 2, manifests: [{ ...manifest, annotations }] };
  fs.writeFileSync(join(directory, 'index.json'), JSON.stringify(index));
  fs.writeFileSync(join(directory, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
}
