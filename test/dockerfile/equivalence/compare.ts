/** Compares two images entry by entry and key by key, and says every difference in one line. */

import { isDeepStrictEqual } from 'node:util';
import type { LookedAt } from './image.ts';

/** What is compared besides the rest. */
export interface CompareOptions {
  readonly history: boolean;
  /** Who entries belong to. */
  readonly owners: boolean;
}

/** Lists the differences: `tree PATH: buildah ..., s2oci ...` and `config KEY: ...`. */
export function differencesOf(
  buildah: LookedAt,
  s2oci: LookedAt,
  options: CompareOptions,
): readonly string[] {
  const [theirs, ours] = [buildah, s2oci].map(({ tree }) =>
    options.owners ? tree : withoutOwners(tree),
  );
  const configs = [buildah, s2oci].map(({ config }) => comparable(config));
  return [
    ...compareRecords('tree', theirs ?? {}, ours ?? {}),
    ...compareRecords('config', configs[0] ?? {}, configs[1] ?? {}),
    ...(options.history ? compareHistories(buildah, s2oci) : []),
  ];
}

function withoutOwners(tree: LookedAt['tree']): LookedAt['tree'] {
  return Object.fromEntries(
    Object.entries(tree).map(([path, line]) => [path, line.replace(/ [0-9]+:[0-9]+(?= |$)/, '')]),
  );
}

/** The words of an entry are each builder's own; whether it has a layer is not. */
function compareHistories(buildah: LookedAt, s2oci: LookedAt): readonly string[] {
  const [theirs, ours] = [buildah, s2oci].map(({ history }) => history.map((one) => one.isEmpty));
  if (isDeepStrictEqual(theirs, ours)) return [];
  const shown = [buildah, s2oci].map(({ history }) => JSON.stringify(history));
  return [`history: buildah ${shown[0]}, s2oci ${shown[1]}`];
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
