/** `--runtime-artifact src[:dst]`: what goes from the assembled builder into the runtime image. */

import { normalize } from 'node:path/posix';
import { BuildError, type ErrorCode } from '../errors/index.ts';
import { displayText } from '../model/index.ts';
import { builderLabels } from './names.ts';

/** One file or directory to copy. */
export interface RuntimeArtifact {
  /** An absolute path in the builder's root filesystem after assemble. */
  readonly source: string;
  /** A directory relative to the working directory of the runtime image; `.` for itself. */
  readonly destination: string;
}

/**
 * Parses the flag's values or, where there are none, the runtime image's label.
 *
 * @throws BuildError `USAGE_INVALID` (flag; or neither flag nor label), `BUILDER_INVALID` (label)
 */
export function parseRuntimeArtifacts(
  flags: readonly string[],
  label: string | undefined,
): readonly RuntimeArtifact[] {
  const fromFlags = items(flags);
  if (fromFlags.length > 0) return fromFlags.map((item) => parseItem(item, 'USAGE_INVALID'));
  const fromLabel = items(label === undefined ? [] : [label]);
  if (fromLabel.length > 0) return fromLabel.map((item) => parseItem(item, 'BUILDER_INVALID'));
  throw new BuildError('USAGE_INVALID', 'no runtime artifacts to copy were specified', {
    suggestion: `give --runtime-artifact, or label the runtime image with ${builderLabels.runtimeArtifacts[0]}`,
  });
}

function items(values: readonly string[]): readonly string[] {
  return values
    .flatMap((value) => value.split(';'))
    .map((item) => item.trim().replace(/^(["'])(.*)\1$/, '$2'))
    .filter((item) => item !== '');
}

function parseItem(item: string, code: ErrorCode): RuntimeArtifact {
  const colon = item.lastIndexOf(':');
  const source = colon === -1 ? item : item.slice(0, colon);
  const destination = colon === -1 ? '' : item.slice(colon + 1);
  const problem = problemOf(source, destination);
  if (problem === undefined)
    return { source: clean(source), destination: clean(destination || '.') };
  throw new BuildError(
    code,
    `not a runtime artifact: "${displayText(item.slice(0, 200))}": ${problem}`,
    {
      suggestion: 'write it as /absolute/source or /absolute/source:relative/destination',
    },
  );
}

function problemOf(source: string, destination: string): string | undefined {
  if (!source.startsWith('/')) return 'its source is not absolute';
  if (/[*?[\]]/.test(source)) return 'its source holds wildcards';
  if (/[\u0000-\u001f\u007f]/.test(source + destination)) return 'it holds a control character';
  if (source.split('/').includes('..')) return 'its source leads upwards';
  if (destination.startsWith('/')) return 'its destination is not relative';
  if (destination.split('/').includes('..')) return 'its destination leads upwards';
  return undefined;
}

function clean(path: string): string {
  return normalize(path).replace(/(?<=.)\/$/, '');
}
