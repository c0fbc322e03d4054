/** The ports that a build works through; made once by the caller, shared by all phases. */

import type { Readable } from 'node:stream';
import type { Agent } from '../agent/index.ts';
import type { Reporter } from '../events/index.ts';
import type { ImageDestination, ImageSource } from '../image/index.ts';
import type { HttpGet } from '../source/index.ts';
import type { Store } from '../store/index.ts';
import type { BuildOnBuild } from './on-build-port.ts';

/** Opens the images that users name, whatever transport they name them by. */
export interface ImageAccess {
  /** @throws BuildError `REFERENCE_INVALID`, `USAGE_INVALID` for an unknown transport */
  source(name: string): Promise<ImageSource>;
  destination(name: string): Promise<ImageDestination>;
}

/** Everything with effects that a build needs. */
export interface BuildDeps {
  readonly images: ImageAccess;
  readonly store: Store;
  /** Fetches single files, such as scripts. */
  readonly http: HttpGet;
  /** The agent is started before it is needed; whoever needs it waits here. */
  readonly agent: Promise<Agent>;
  readonly reporter: Reporter;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly stdin: Readable;
  /** The environment for git and ssh; never that of the sandbox. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** What building an application takes besides. */
export interface ApplicationDeps extends BuildDeps {
  /** Builds Dockerfiles, for builder images with ONBUILD instructions. */
  readonly onBuild: BuildOnBuild;
}
