/**
 * Decides for each script where it comes from. Each is looked for on its own:
 *
 * 1. the scripts URL of the user
 * 2. `.s2i/bin/NAME` of the source (`.sti/bin` before that was its name)
 * 3. the scripts URL of the builder image
 *
 * Scripts from outside of the image are put into `<destination>/scripts`, and the application's command points there.
 */

import { BuildError } from '../errors/index.ts';
import { displayText } from '../model/index.ts';
import type { BuilderContract } from './contract.ts';
import { builderLabels, type ScriptName, scriptNames } from './names.ts';
import type { ScriptsUrl } from './scripts-url.ts';

/** Where one script is. `path` is where it will be in the container. */
export type ScriptLocation =
  | { readonly kind: 'image'; readonly path: string }
  | { readonly kind: 'source'; readonly path: string; readonly sourcePath: string }
  | {
      readonly kind: 'url';
      readonly path: string;
      readonly url: Extract<ScriptsUrl, { kind: 'file' | 'http' }>;
    };

/** What is known about the places where scripts can be. */
export interface ScriptPlanInput {
  readonly contract: BuilderContract;
  /** See `destinationOf`. */
  readonly destination: string;
  readonly scriptsUrl?: ScriptsUrl;
  /** Whether a script is at a `file` or `http` location; asked only for those. */
  readonly urlHas: (url: ScriptsUrl, name: ScriptName) => boolean;
  /** The path of a script in the source, such as `.s2i/bin/assemble`. */
  readonly sourceHas: (name: ScriptName) => string | undefined;
  /** Whether the builder image has a file at an absolute path. */
  readonly imageHas: (path: string) => boolean;
}

/** Where every script that was found is. */
export interface ScriptPlan {
  readonly scripts: Readonly<Partial<Record<ScriptName, ScriptLocation>>>;
  readonly warnings: readonly string[];
}

/**
 * Plans where each script comes from.
 *
 * @throws BuildError `SCRIPT_NOT_FOUND` when the user's scripts URL has none of them
 */
export function planScripts(input: ScriptPlanInput): ScriptPlan {
  const fromUser = new Map(
    scriptNames.flatMap((name) => entryOf(name, atUrl(input, input.scriptsUrl, name))),
  );
  if (input.scriptsUrl !== undefined && fromUser.size === 0) throw nothingAt(input.scriptsUrl);
  const scripts: Partial<Record<ScriptName, ScriptLocation>> = {};
  for (const name of scriptNames) {
    const found =
      fromUser.get(name) ?? inSource(input, name) ?? atUrl(input, input.contract.scriptsUrl, name);
    if (found !== undefined) scripts[name] = found;
  }
  return { scripts, warnings: deprecations(scripts) };
}

/**
 * Returns the location of a script that the build cannot do without.
 *
 * @throws BuildError `SCRIPT_NOT_FOUND` naming the places that were looked at
 */
export function requireScript(
  plan: ScriptPlan,
  name: ScriptName,
  input: Pick<ScriptPlanInput, 'contract' | 'scriptsUrl'>,
): ScriptLocation {
  const found = plan.scripts[name];
  if (found !== undefined) return found;
  const { scriptsUrl, of = 'builder' } = input.contract;
  const inImage =
    scriptsUrl === undefined
      ? `the ${of} image has no label ${builderLabels.scriptsUrl[0]}`
      : `not in ${describe(scriptsUrl)} of the ${of} image`;
  const flag = input.scriptsUrl === undefined ? '' : `not at ${describe(input.scriptsUrl)}, `;
  throw new BuildError(
    'SCRIPT_NOT_FOUND',
    `there is no script ${name}: ${flag}not in .s2i/bin of the source, ${inImage}`,
    {
      origin: 'builder',
      suggestion: `is this a ${of} image? Otherwise name the scripts with --scripts-url, or add .s2i/bin to the source`,
    },
  );
}

function entryOf(
  name: ScriptName,
  location: ScriptLocation | undefined,
): readonly (readonly [ScriptName, ScriptLocation])[] {
  return location === undefined ? [] : [[name, location]];
}

function atUrl(
  input: ScriptPlanInput,
  url: ScriptsUrl | undefined,
  name: ScriptName,
): ScriptLocation | undefined {
  if (url === undefined) return undefined;
  if (url.kind === 'image') {
    const path = `${url.path === '/' ? '' : url.path}/${name}`;
    return input.imageHas(path) ? { kind: 'image', path } : undefined;
  }
  return input.urlHas(url, name) ? { kind: 'url', path: placeOf(input, name), url } : undefined;
}

function inSource(input: ScriptPlanInput, name: ScriptName): ScriptLocation | undefined {
  const sourcePath = input.sourceHas(name);
  return sourcePath === undefined
    ? undefined
    : { kind: 'source', path: placeOf(input, name), sourcePath };
}

function placeOf({ destination }: ScriptPlanInput, name: ScriptName): string {
  return `${destination === '/' ? '' : destination}/scripts/${name}`;
}

function deprecations(scripts: ScriptPlan['scripts']): readonly string[] {
  const old = Object.values(scripts).some(
    (location) => location.kind === 'source' && location.sourcePath.startsWith('.sti/'),
  );
  return old
    ? ['the source keeps scripts in .sti/bin, which is deprecated: rename it to .s2i/bin']
    : [];
}

function nothingAt(url: ScriptsUrl): BuildError {
  return new BuildError('SCRIPT_NOT_FOUND', `there are no scripts at ${describe(url)}`, {
    suggestion: 'check --scripts-url: it names the directory that holds assemble and run',
  });
}

function describe(url: ScriptsUrl): string {
  return displayText(url.kind === 'http' ? url.url : `${url.kind}://${url.path}`);
}

/** The absolute paths in the builder image that `planScripts` will ask for. */
export function imageScriptCandidates(
  contract: BuilderContract,
  scriptsUrl: ScriptsUrl | undefined,
): readonly string[] {
  const bases = [scriptsUrl, contract.scriptsUrl].flatMap((url) =>
    url?.kind === 'image' ? [url.path] : [],
  );
  return [...new Set(bases)].flatMap((base) =>
    scriptNames.map((name) => `${base === '/' ? '' : base}/${name}`),
  );
}
