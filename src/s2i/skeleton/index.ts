/** `create`: a new builder image that works before anything in it was changed. */

import { BuildError } from '../../errors/index.ts';
import { displayText } from '../../model/index.ts';
import { readmeText, testPageText, testScriptText } from './documents.ts';
import { dockerfileText, makefileText } from './image-files.ts';
import { assembleText, runText, saveArtifactsText, usageText } from './scripts.ts';

/** One file to write. */
export interface SkeletonFile {
  /** Relative to the directory that is made. */
  readonly path: string;
  readonly mode: number;
  readonly text: string;
}

const plain = 0o644;
const executable = 0o755;

/**
 * Returns the files of a new builder image.
 *
 * @param name the image's name as users will write it
 * @throws BuildError `USAGE_INVALID`
 */
export function builderSkeleton(name: string): readonly SkeletonFile[] {
  if (!/^[A-Za-z0-9][A-Za-z0-9._/:@-]{0,200}$/.test(name)) {
    throw new BuildError(
      'USAGE_INVALID',
      `not a name for a builder image: "${displayText(name.slice(0, 80))}"`,
      {
        suggestion: 'use letters, digits, ".", "-", "_" and "/", such as my-builder',
      },
    );
  }
  return [
    { path: 'Dockerfile', mode: plain, text: dockerfileText(name) },
    { path: 'Makefile', mode: plain, text: makefileText(name) },
    { path: 'README.md', mode: plain, text: readmeText(name) },
    { path: 's2i/bin/assemble', mode: executable, text: assembleText },
    { path: 's2i/bin/run', mode: executable, text: runText },
    { path: 's2i/bin/save-artifacts', mode: executable, text: saveArtifactsText },
    { path: 's2i/bin/usage', mode: executable, text: usageText(name) },
    { path: 'test/run', mode: executable, text: testScriptText(name) },
    { path: 'test/test-app/index.html', mode: plain, text: testPageText(name) },
  ];
}
