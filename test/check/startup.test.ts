/** The start-up rule of `npm run check` finds what every command would have to load. */

import t from 'tap';
import { startupCheck } from '../../.ci/check/startup.ts';
import { problemsOf } from './project.ts';

const lean = {
  'src/errors/index.ts': 'export const a = 1;',
  'src/cli/program.ts':
    "import 'commander';\nimport 'node:fs';\nimport '../errors/index.ts';\nimport './commands/index.ts';",
  'src/cli/commands/index.ts':
    "import type { S } from '../../store/index.ts';\nexport const run = () => import('../actions/copy.ts');",
  'src/cli/actions/copy.ts': "import '../../store/index.ts';",
  'src/store/index.ts': "import 'undici';",
};

t.test('implementations behind import() and types are free', async (t) => {
  t.strictSame(await problemsOf(t, startupCheck, lean), []);
});

for (const [name, source, expected] of [
  ['an implementation', "import '../actions/copy.ts';", /index\.ts:1: loads \.\.\/actions\/copy/],
  ['a folder', "import { S } from '../../store/index.ts';", /loads \.\.\/\.\.\/store/],
  ['a re-export', "export * from '../../store/index.ts';", /loads \.\.\/\.\.\/store/],
  ['a package', "import 'smol-toml';", /loads smol-toml/],
] as const) {
  t.test(`${name} that is loaded for every command is found`, async (t) => {
    const problems = await problemsOf(t, startupCheck, {
      ...lean,
      'src/cli/commands/index.ts': source,
    });
    t.match(problems.join('\n'), expected);
  });
}
