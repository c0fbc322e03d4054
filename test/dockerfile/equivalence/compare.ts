/** Compares two images entry by entry and key by key, and says every difference in one line. */

import { isDeepStrictEqual } from 'node:util';
import type { LookedAt } from './image.ts';

/** Lists the differences: `tree PATH: buildah ..., s2oci ...` and `config KEY: ...`. */
export function differencesOf(
  buildah: LookedAt,
  s2oci: LookedAt,
  withHistory: boolean,
): readonly string[] {
  const trees = compareRecords('tree', buildah.tree, s2oci.tree);
  const configs = compareRecords('config', comparable(buildah.config), comparable(s2oci.config));
  if (!withHistory) return [...trees, ...configs];
  const histories = [buildah, s2oci].map(({ history }) => history.map(({ isEmpty }) => isEmpty));
  const isSame = isDeepStrictEqual(histories[0], histories[1]);
  return [
    ...trees,
    ...configs,
    ...(isSame
      ? []
      : [
          `history: buildah ${JSON.stringify(buildah.history)}, s2oci ${JSON.stringify(s2oci.history)}`,
        ]),
  ];
}

function compareRecords(
  what: string,
  buildah: Readonly<Record<string, unknown>>,
  s2oci: Readonly<Record<string, unknown>>,
): readonly string[] {
  const keys = [...new Set([...Object.keys(buildah), ...Object.keys(s2oci)])].toSorted();
  return keys
    .filter((key) => !isDeepStrictEqual(buildah[key], s2oci[key]))
    .map((key) => `${what} ${key}: buildah ${show(buildah[key])}, s2oci ${show(s2oci[key])}`);
}

function show(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? 'nothing');
}

/** What Docker's format says of the container that the image was made in. */
const ofContainer = new Set(['Hostname', 'Image']);

/** Empty values and absent ones are the same; labels become keys of their own, without the builder's mark. */
function comparable(config: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { Labels: labels, ...rest } = config;
  const named = Object.entries((labels ?? {}) as Record<string, unknown>)
    .filter(([name]) => name !== 'io.buildah.version')
    .map(([name, value]) => [`Labels ${name}`, value]);
  const all = [...Object.entries(rest), ...named].filter(
    ([key = '']) => !ofContainer.has(`${key}`),
  );
  return Object.fromEntries(all.filter(([, value]) => !isEmpty(value)));
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === '' || value === false) return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}
