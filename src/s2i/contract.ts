/** What a builder (or runtime) image says about itself: labels first, then their deprecated forms. */

import { BuildError } from '../errors/index.ts';
import type { ExecutionConfig } from '../model/index.ts';
import { parseContainerPath } from './container-path.ts';
import { environmentValue } from './environment.ts';
import { builderLabels, builderVariables, defaultDestination } from './names.ts';
import { parseScriptsUrl, type ScriptsUrl, type ScriptsUrlOrigin } from './scripts-url.ts';

/** The contract between an image and a build. */
export interface BuilderContract {
  /** Absent for a builder image. */
  readonly of?: 'runtime';
  readonly scriptsUrl?: ScriptsUrl;
  /** An absolute path; `/tmp` when the image names none. */
  readonly destination: string;
  /** As written: still to be resolved against the image's users. */
  readonly assembleUser?: string;
  readonly assembleRuntimeUser?: string;
  /** The default mapping of runtime artifacts, as written. */
  readonly runtimeArtifacts?: string;
  readonly builderVersion?: string;
  readonly builderBaseVersion?: string;
  /** Deprecated spellings in use, for the user. */
  readonly warnings: readonly string[];
}

/** What the user allows an image to ask for. */
export interface ContractOptions {
  /** Accepts a scripts URL with https and digests out of a label. */
  readonly allowRemoteScripts?: boolean;
  /** The user names a place for the scripts: one of the image that is refused is passed over, with a warning. */
  readonly scriptsUrlGiven?: boolean;
  /** `runtime` for a runtime image, which has assemble-runtime in the place of assemble. */
  readonly of?: 'builder' | 'runtime';
}

/**
 * Reads the contract out of an image's execution config. Empty labels count as absent.
 *
 * @throws BuildError `BUILDER_INVALID` for a scripts URL or destination that is not acceptable
 */
export function parseBuilderContract(
  execution: ExecutionConfig,
  options: ContractOptions = {},
): BuilderContract {
  const { of = 'builder' } = options;
  const look = new Lookup(execution, `the ${of} image`);
  const scriptsUrl = scriptsUrlOf(look, options);
  const destination = look.find(builderLabels.destination, builderVariables.destination);
  return {
    ...(of === 'runtime' ? { of } : {}),
    ...(scriptsUrl === undefined ? {} : { scriptsUrl }),
    destination:
      destination === undefined
        ? defaultDestination
        : parseContainerPath(destination.value, {
            what: destination.what,
            code: 'BUILDER_INVALID',
          }),
    ...look.optional('assembleUser'),
    ...look.optional('assembleRuntimeUser'),
    ...look.optional('runtimeArtifacts'),
    ...look.optional('builderVersion'),
    ...look.optional('builderBaseVersion'),
    warnings: look.warnings,
  };
}

/**
 * The directory that sources, scripts and artifacts go to: the user's word, else the image's.
 *
 * @throws BuildError `USAGE_INVALID`
 */
export function destinationOf(contract: BuilderContract, flag: string | undefined): string {
  if (flag === undefined || flag === '') return contract.destination;
  return parseContainerPath(flag, { what: '--destination', code: 'USAGE_INVALID' });
}

function scriptsUrlOf(look: Lookup, options: ContractOptions): ScriptsUrl | undefined {
  const found = look.find(builderLabels.scriptsUrl, builderVariables.scriptsUrl);
  try {
    return found && parseScriptsUrl(found.value, originOf(found, options));
  } catch (error) {
    if (options.scriptsUrlGiven !== true || !(error instanceof BuildError)) throw error;
    look.warnings.push(`${error.message}; it is passed over`);
    return undefined;
  }
}

interface Found {
  readonly value: string;
  readonly what: string;
}

function originOf(found: Found, options: ContractOptions): ScriptsUrlOrigin {
  return {
    from: 'image',
    what: found.what,
    allowRemote: options.allowRemoteScripts ?? false,
    ...(options.of === 'runtime' ? { pinned: ['assemble-runtime', 'run'] } : {}),
  };
}

class Lookup {
  readonly #execution: ExecutionConfig;
  readonly #image: string;
  readonly warnings: string[] = [];

  constructor(execution: ExecutionConfig, image: string) {
    this.#execution = execution;
    this.#image = image;
  }

  find(labels: readonly string[], variable?: string): Found | undefined {
    const [current = ''] = labels;
    const name = labels.find((label) => this.#label(label) !== '');
    if (name !== undefined) {
      if (name !== current)
        this.warnings.push(
          `${this.#image} uses the deprecated label ${name}; it is ${current} now`,
        );
      return { value: this.#label(name), what: `label ${name} of ${this.#image}` };
    }
    const value =
      variable === undefined ? '' : (environmentValue(this.#execution.env, variable) ?? '');
    if (value === '') return undefined;
    this.warnings.push(
      `${this.#image} uses the deprecated variable ${variable}; label ${current} replaces it`,
    );
    return { value, what: `variable ${variable} of ${this.#image}` };
  }

  optional<K extends keyof typeof builderLabels>(key: K): Partial<Record<K, string>> {
    const found = this.find(builderLabels[key]);
    return found === undefined ? {} : ({ [key]: found.value } as Partial<Record<K, string>>);
  }

  #label(name: string): string {
    const { labels } = this.#execution;
    return Object.hasOwn(labels, name) ? (labels[name] ?? '') : '';
  }
}
