/** Pushes an image from an OCI layout or an archive, and tells how each blob got there. */

import { Registry } from 's2oci';

const [source = '', reference = ''] = process.argv.slice(2);

await using registry = new Registry();
const report = await registry.push(source, reference);

for (const { descriptor, outcome } of report.blobs) {
  console.log(`${outcome.padEnd(8)} ${descriptor.digest} ${descriptor.size} bytes`);
}
console.log(report.reference);
