/** Pins references: prints each with the digest that it stands for now, without fetching anything. */

import { BuildError, formatReference, parseReference, Registry } from 's2oci';

await using registry = new Registry();

for (const name of process.argv.slice(2)) {
  try {
    const { digest } = await registry.resolve(name);
    console.log(formatReference({ ...parseReference(name), digest }));
  } catch (error) {
    // Every failure that can be expected is a BuildError; its code is stable.
    if (!(error instanceof BuildError)) throw error;
    console.error(`${error.code}: ${error.message}`);
    process.exitCode = error.exitCode;
  }
}
