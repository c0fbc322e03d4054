/** What `rebuild` builds: what the labels of an image built before say about it. */

import { BuildError } from '../errors/index.ts';
import type { Labels } from './labels.ts';
import { buildLabelNamespace, openshiftLabelNamespace } from './names.ts';

/** A build as an image's labels describe it. */
export interface RebuildPlan {
  readonly builder: string;
  readonly source: string;
  readonly contextDir?: string;
  /** The exact commit where the image has one, else the branch or tag. */
  readonly ref?: string;
}

/**
 * Reads the labels; those of OpenShift's builds serve as well. The commit is pinned, not the branch, so that the same
 * source is built again.
 *
 * @throws BuildError `BUILDER_INVALID` naming the label that is missing
 */
export function planRebuild(labels: Labels): RebuildPlan {
  const namespace = [buildLabelNamespace, openshiftLabelNamespace].find((prefix) =>
    Object.keys(labels).some((name) => name.startsWith(prefix)),
  );
  const label = (name: string): string | undefined => {
    const key = `${namespace ?? buildLabelNamespace}${name}`;
    return Object.hasOwn(labels, key) && labels[key] !== '' ? labels[key] : undefined;
  };
  const required = (name: string): string =>
    label(name) ?? missing(`${namespace ?? buildLabelNamespace}${name}`);
  const contextDir = label('source-context-dir');
  const ref = label('commit.id') ?? label('commit.ref');
  return {
    builder: required('image'),
    source: required('source-location'),
    ...(contextDir === undefined ? {} : { contextDir }),
    ...(ref === undefined ? {} : { ref }),
  };
}

function missing(name: string): never {
  throw new BuildError(
    'BUILDER_INVALID',
    `the image cannot be built again: it has no label ${name}`,
    {
      suggestion: 'was it built by s2oci or s2i? Otherwise use build with a source and a builder',
    },
  );
}
