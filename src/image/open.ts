/** Opens images by the names that users give them, whatever the transport. */

import { BuildError } from '../errors/index.ts';
import { displayText, type Reference } from '../model/index.ts';
import { openDockerArchiveDestination } from './docker-archive-destination.ts';
import { openDockerArchiveSource } from './docker-archive-source.ts';
import { openLayoutDestination } from './layout-destination.ts';
import { directoryFiles, type LayoutFiles } from './layout-files.ts';
import { LayoutSource } from './layout-source.ts';
import { openOciArchiveDestination } from './oci-archive-destination.ts';
import { type MakeScratch, type OpenedArchive, openArchive } from './open-archive.ts';
import type { ImageDestination, ImageSource } from './ports.ts';
import { parseTransport } from './transport-name.ts';

/** What opening images takes. */
export interface OpenDeps {
  /** Lends scratch space for compressed archives. */
  readonly store: { readonly createScratch: MakeScratch };
  /** Makes the image that a reference into a registry names. */
  readonly registry: (reference: Reference) => ImageSource & ImageDestination;
  /** Turns the path in a name into an absolute one. */
  readonly absolutePath: (path: string) => string;
}

/**
 * Opens an image for reading. The caller disposes it.
 *
 * @throws BuildError `REFERENCE_INVALID`, `USAGE_INVALID`, `IMAGE_NOT_FOUND` for a missing archive, and the errors
 * of the transport
 */
export async function openSource(
  text: string,
  deps: OpenDeps,
  signal?: AbortSignal,
): Promise<ImageSource> {
  const name = parseTransport(text);
  const makeScratch = () => deps.store.createScratch();
  switch (name.transport) {
    case 'registry':
      return deps.registry(name.reference);
    case 'oci':
      return new LayoutSource(name, directoryFiles(deps.absolutePath(name.path)));
    case 'oci-archive': {
      const path = deps.absolutePath(name.path);
      return new LayoutSource(name, filesOf(await openArchive(path, makeScratch, signal)));
    }
    case 'docker-archive': {
      const path = deps.absolutePath(name.path);
      return openDockerArchiveSource({ ...name, path }, makeScratch, signal);
    }
  }
}

/**
 * Opens an image for writing. The caller disposes it; what was not tagged by then is not visible.
 *
 * @throws BuildError `REFERENCE_INVALID` also for a name without a registry, `USAGE_INVALID`, `LOCK_TIMEOUT`, and the errors
 * of the transport
 */
export async function openDestination(
  text: string,
  deps: OpenDeps,
  signal?: AbortSignal,
): Promise<ImageDestination> {
  const name = parseTransport(text);
  if (name.transport === 'registry') {
    refuseUnowned(text, name.reference);
    return deps.registry(name.reference);
  }
  const path = deps.absolutePath(name.path);
  switch (name.transport) {
    case 'oci':
      return openLayoutDestination({ ...name, path });
    case 'oci-archive':
      return openOciArchiveDestination({ ...name, path }, signal);
    case 'docker-archive':
      return openDockerArchiveDestination({ ...name, path }, signal);
  }
}

/** A name without a registry means one of Docker's own images, which nobody else can push: better said before a build than after. */
function refuseUnowned(text: string, { registry, repository }: Reference): void {
  const official = registry === 'docker.io' && repository.startsWith('library/');
  if (!official || text.includes('library/')) return;
  throw new BuildError(
    'REFERENCE_INVALID',
    `${displayText(text)} has no registry, and means ${registry}/${repository}, which only Docker can push`,
    {
      suggestion: `name a registry, as in registry.example.com/${repository.slice('library/'.length)}, or write a layout: oci:DIR:TAG`,
    },
  );
}

function filesOf(archive: OpenedArchive): LayoutFiles {
  return {
    open: (path) => archive.tar.open(path),
    [Symbol.asyncDispose]: () => archive[Symbol.asyncDispose](),
  };
}
