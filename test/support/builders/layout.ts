/** Writes OCI image layouts (image-spec, image-layout.md) with GNU tar, gzip and plain JSON. */

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** A blob of the layout. */
export interface LayoutDescriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

/** A layer of the image, with what its history entry says. */
export interface LayoutLayer {
  readonly descriptor: LayoutDescriptor;
  readonly diffId: string;
  readonly createdBy: string;
}

/** What goes into a layer: paths relative to a root; directories without what is in them. */
export interface LayerInput {
  readonly root: string;
  readonly paths: readonly string[];
  readonly createdBy: string;
}

/** The `config` object of an image configuration. */
export type ImageSettings = Readonly<Record<string, unknown>>;

const created = '2026-01-01T00:00:00Z';

/** A layout being written. */
export class LayoutWriter {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Creates the empty layout. */
  async open(): Promise<void> {
    await mkdir(this.#blob(''), { recursive: true });
    await writeFile(join(this.#directory, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  }

  /** Archives paths of a tree, with owners, extended attributes, capabilities and hard links. */
  async addLayer(input: LayerInput): Promise<LayoutLayer> {
    const archive = join(this.#directory, 'layer.tar');
    const list = join(this.#directory, 'layer.list');
    await writeFile(list, input.paths.map((path) => `./${path}\0`).join(''), 'latin1');
    await execute('tar', [
      ...['--create', '--file', archive, '--directory', input.root, '--format=posix'],
      ...['--pax-option=delete=atime,delete=ctime', '--numeric-owner', '--sort=none'],
      ...['--xattrs', '--xattrs-include=*', '--no-recursion', '--verbatim-files-from'],
      ...['--transform=s,^\\./,,', '--null', '--files-from', list],
    ]);
    const diffId = await digestFile(archive);
    await execute('gzip', ['--no-name', '--fast', '--force', archive]);
    const mediaType = 'application/vnd.oci.image.layer.v1.tar+gzip';
    const descriptor = await this.#adopt(`${archive}.gz`, mediaType);
    return { descriptor, diffId, createdBy: input.createdBy };
  }

  /** Writes config, manifest and index: the image becomes `latest` of the layout. */
  async addImage(layers: readonly LayoutLayer[], settings: ImageSettings): Promise<void> {
    const config = await this.#addJson('application/vnd.oci.image.config.v1+json', {
      created,
      architecture: process.arch === 'x64' ? 'amd64' : process.arch,
      os: 'linux',
      config: settings,
      rootfs: { type: 'layers', diff_ids: layers.map((layer) => layer.diffId) },
      history: [
        ...layers.map((layer) => ({ created, created_by: layer.createdBy })),
        { created, created_by: 'settings', empty_layer: true },
      ],
    });
    const mediaType = 'application/vnd.oci.image.manifest.v1+json';
    const manifest = await this.#addJson(mediaType, {
      schemaVersion: 2,
      mediaType,
      config,
      layers: layers.map((layer) => layer.descriptor),
    });
    const annotations = { 'org.opencontainers.image.ref.name': 'latest' };
    const index = { schemaVersion: 2, manifests: [{ ...manifest, annotations }] };
    await rm(join(this.#directory, 'layer.list'), { force: true });
    await writeFile(join(this.#directory, 'index.json'), JSON.stringify(index));
  }

  async #addJson(mediaType: string, document: unknown): Promise<LayoutDescriptor> {
    const draft = join(this.#directory, 'draft.json');
    await writeFile(draft, JSON.stringify(document));
    return await this.#adopt(draft, mediaType);
  }

  async #adopt(file: string, mediaType: string): Promise<LayoutDescriptor> {
    const digest = await digestFile(file);
    const { size } = await stat(file);
    await rename(file, this.#blob(digest.replace('sha256:', '')));
    return { mediaType, digest, size };
  }

  #blob(hex: string): string {
    return join(this.#directory, 'blobs', 'sha256', hex);
  }
}

async function digestFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) {
    hash.update(chunk as Buffer);
  }
  return `sha256:${hash.digest('hex')}`;
}
