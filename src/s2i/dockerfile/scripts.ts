/** Where the scripts are in a build by Dockerfile, in which nobody looks into the builder image. */

import { BuildError } from '../../errors/index.ts';
import type { ScriptName } from '../names.ts';
import type { ScriptsUrl } from '../scripts-url.ts';

/** What decides about the places of scripts. */
export interface DockerfileScriptsInput {
  readonly destination: string;
  /** Scripts that are in the context, at `upload/scripts`. */
  readonly supplied: ReadonlySet<ScriptName>;
  /** `--scripts-url`. */
  readonly scriptsUrl?: ScriptsUrl;
  /** The scripts URL of the builder image, where it is known. */
  readonly builderScriptsUrl?: ScriptsUrl;
  /** `--image-scripts-url`. */
  readonly imageScriptsUrl?: ScriptsUrl;
}

const defaultScriptsDirectory = '/usr/libexec/s2i';

/**
 * The directory of the scripts in the builder image: of `--scripts-url` if that is in the image, else of the image's own
 * label, else of `--image-scripts-url`, else `/usr/libexec/s2i`.
 */
export function imageScriptsDirectory(input: DockerfileScriptsInput): string {
  const urls = [input.scriptsUrl, input.builderScriptsUrl, input.imageScriptsUrl];
  const inImage = urls.find((url) => url?.kind === 'image');
  return inImage?.kind === 'image' ? inImage.path : defaultScriptsDirectory;
}

/** The path of a script: an `image://` scripts URL wins over scripts in the context, and those over the image's. */
export function dockerfileScript(input: DockerfileScriptsInput, name: ScriptName): string {
  const fromContext = input.scriptsUrl?.kind !== 'image' && input.supplied.has(name);
  const directory = fromContext
    ? `${root(input.destination)}/scripts`
    : root(imageScriptsDirectory(input));
  return `${directory}/${name}`;
}

/**
 * Refuses a `--scripts-url` that gave nothing.
 *
 * @throws BuildError `SCRIPT_NOT_FOUND`
 */
export function checkSuppliedScripts(
  input: DockerfileScriptsInput,
  fromUrl: ReadonlySet<ScriptName>,
): void {
  if (input.scriptsUrl === undefined || input.scriptsUrl.kind === 'image' || fromUrl.size > 0)
    return;
  throw new BuildError('SCRIPT_NOT_FOUND', 'there are no scripts at the scripts URL', {
    suggestion: 'check --scripts-url: it names the directory that holds assemble and run',
  });
}

function root(path: string): string {
  return path === '/' ? '' : path;
}
