/** A process that fetches one blob from a registry into a store: `node store-child.ts HOME HOST DIGEST SIZE`. */

import { mediaTypes, parseDigest } from '../../src/model/index.ts';
import { createRegistryClient } from '../../src/registry/index.ts';
import { openStore } from '../../src/store/index.ts';

const [home = '', registry = '', digest = '', size = ''] = process.argv.slice(2);
const descriptor = {
  mediaType: mediaTypes.ociLayer,
  digest: parseDigest(digest),
  size: Number(size),
};
await using client = createRegistryClient();
await using store = await openStore(home);
const repository = client.repository({ registry, repository: 'app' });
const outcome = await store.fetch(descriptor, {
  open: (what, signal) => repository.openBlob(what, signal),
});
console.log(outcome);
