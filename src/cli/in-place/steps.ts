/**
 * One process of a build in place. Its arguments are those of the whole build, so that every option means
 * the same; which part of it to do comes in the environment.
 */

import type { ImageSource } from '../../image/index.ts';
import type { Digest } from '../../model/index.ts';
import type { Images } from '../images.ts';

/** The variable that a step is told by. */
export const stepVariable = '_S2OCI_BUILD_STEP';

/** What a process of the build does. Images are layouts of the conductor's scratch directory. */
export type BuildStep =
  /** Copies the builder image to a layout, and writes what it took as JSON. */
  | { readonly step: 'fetch'; readonly to: string; readonly report: string }
  /** Builds from the fetched image, and writes the result as JSON. */
  | {
      readonly step: 'assemble';
      readonly builderFrom: string;
      readonly to: string;
      readonly report: string;
    }
  /** Copies the built image to where the user wants it, and writes what it took as JSON. */
  | {
      readonly step: 'publish';
      readonly from: string;
      /** The layers of the builder image, which the built one has to stand on. */
      readonly base: readonly Digest[];
      readonly report: string;
    };

/** The step that this process is to do; undefined for one that a user started. */
export function currentStep(
  env: Readonly<Record<string, string | undefined>>,
): BuildStep | undefined {
  const text = env[stepVariable];
  return text === undefined ? undefined : (JSON.parse(text) as BuildStep);
}

/** Opens the builder image from a copy of it, under the name that it has in its registry. */
export function withBuilderFrom(
  images: Pick<Images, 'source' | 'destination'>,
  builder: string,
  from: string,
): Pick<Images, 'source' | 'destination'> {
  return {
    destination: images.destination,
    source: async (name) =>
      name === builder ? renamed(await images.source(from), builder) : images.source(name),
  };
}

function renamed(source: ImageSource, name: string): ImageSource {
  return {
    name,
    resolve: (signal) => source.resolve(signal),
    readManifest: (descriptor, signal) => source.readManifest(descriptor, signal),
    open: (descriptor, signal) => source.open(descriptor, signal),
    [Symbol.asyncDispose]: () => source[Symbol.asyncDispose](),
  };
}
