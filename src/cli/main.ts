#!/usr/bin/env node
/**
 * The entry of the program. Checks the version of Node before anything modern is loaded, so that an old
 * one gets a sentence instead of a syntax error.
 */

const minimum = [22, 20] as const;
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (major < minimum[0] || (major === minimum[0] && minor < minimum[1])) {
  process.stderr.write(
    `s2oci: Node ${process.versions.node} is too old: s2oci needs Node ${minimum.join('.')} or newer.\n` +
      'Install a newer Node, or run it as `npx -p node@24 -p s2oci s2oci`.\n',
  );
  process.exitCode = 2;
} else {
  const { enableCompileCache } = await import('node:module');
  const { compileCacheDirectory } = await import('./compile-cache.ts');
  const directory = compileCacheDirectory(process.env);
  if (directory !== undefined) enableCompileCache(directory);
  const { runProgram } = await import('./program.ts');
  process.exitCode = await runProgram(process);
}
