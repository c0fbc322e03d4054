/** What a user reads when a Dockerfile or one of its commands is wrong. */

import { chmod, copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { openWorkbench } from './support.ts';

t.setTimeout(300_000);

/** The lines behind `FROM scratch` and a shell, the exit code, and what the error says. */
const cases: readonly (readonly [text: string, code: number, ...says: readonly RegExp[]])[] = [
  ['RUN ["nope", "x"]', 9, /STEP_FAILED.*:4: RUN.*the stage has no nope/, /hint: copy or install/],
  ['RUN ["/no/pe"]', 9, /the stage has no \/no\/pe/],
  [
    'SHELL ["/bin/zsh", "-c"]\nRUN x',
    9,
    /the stage has no \/bin\/zsh/,
    /hint: begin with an image/,
  ],
  ['RUN nope', 9, /exit code 127/, /the shell did not find a program/],
  ['RUN exit 7', 9, /exit code 7/],
  ['CPOY a b\nEXPOSE web', 3, /:4:1: there is no.*did you mean COPY/, /:5:1: EXPOSE: "web"/],
];

t.test('what is wrong with a Dockerfile is said so that it can be mended', async (t) => {
  await using bench = await openWorkbench();
  const inside = (name: string): string => join(bench.directory, name);
  await chmod(bench.directory, 0o755);
  await copyFile('/bin/busybox', inside('busybox'));
  for (const [text, code, ...says] of cases) {
    await writeFile(
      inside('Dockerfile'),
      `FROM scratch\nENV PATH=/bin\nCOPY busybox /bin/sh\n${text}\n`,
    );
    const result = await bench.s2oci(['builder', 'build', '.', '-t', `oci:${inside('out')}`, '-q']);
    t.equal(result.code, code, text);
    for (const line of says) t.match(result.stderr, line, text);
    t.equal(result.stdout, '', 'standard output has results only');
  }
});
