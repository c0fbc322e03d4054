/** Completions say in each shell what the table of commands says. */

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import t from 'tap';
import type { CompletionCommand } from '../../src/cli/completion/table.ts';
import { completionScript, type Shell, shells } from '../../src/cli/completion.ts';
import { golden } from '../golden.ts';

const program: CompletionCommand = {
  name: 'tool',
  summary: 'a tool',
  options: [{ flags: '-V, --version', description: 'print the version' }],
  subcommands: [
    {
      name: 'build',
      summary: "build the user's image",
      options: [
        {
          flags: '-e, --env <NAME=VALUE>',
          description: 'environment [kept]: yes',
          repeatable: true,
        },
        {
          flags: '--executor <name>',
          description: 'what runs it',
          choices: ['crun', 'runc', 'in-builder'],
        },
        { flags: '--output <file>', description: 'where to write' },
        { flags: '--no-color', description: 'no colours' },
      ],
    },
    {
      name: 'store',
      summary: 'look after the store',
      subcommands: [
        {
          name: 'prune',
          summary: 'make room',
          options: [{ flags: '--all', description: 'everything' }],
        },
        { name: 'verify', summary: 'check' },
      ],
    },
  ],
};

for (const shell of shells) {
  t.test(`${shell}: the script is the golden one`, async (t) => {
    const script = completionScript(shell, program);
    t.equal(script, golden(`completion/tool.${shell}`, script));
  });

  t.test(`${shell}: the shell can read it`, { skip: missing(shell) }, async (t) => {
    const file = t.testdir({ script: completionScript(shell, program) });
    const { status, stderr } = spawnSync(shell, ['-n', join(file, 'script')], { encoding: 'utf8' });
    t.equal(status, 0, stderr);
  });
}

function missing(shell: Shell): false | string {
  return spawnSync(shell, ['--version']).error === undefined ? false : `${shell} is not installed`;
}

t.test('bash: what is offered at each place', { skip: missing('bash') }, async (t) => {
  const script = join(t.testdir({ script: completionScript('bash', program) }), 'script');
  const offered = (...words: string[]): readonly string[] => {
    const code = `source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _tool; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout } = spawnSync('bash', ['-c', code, 'bash', script, 'tool', ...words], {
      encoding: 'utf8',
    });
    return stdout.split('\n').filter((line) => line !== '');
  };
  t.strictSame(offered(''), ['build', 'store']);
  t.strictSame(offered('b'), ['build']);
  t.strictSame(offered('-'), ['-V', '--version', '-h', '--help']);
  t.strictSame(offered('store', ''), ['prune', 'verify']);
  t.strictSame(offered('store', 'prune', '--'), ['--all', '--help']);
  t.strictSame(offered('build', '--e'), ['--env', '--executor']);
  t.strictSame(offered('build', '--executor', ''), ['crun', 'runc', 'in-builder']);
  t.strictSame(offered('build', '--executor', 'cr'), ['crun']);
  t.strictSame(offered('build', '--executor', '=', 'r'), ['runc']);
  t.strictSame(offered('build', '--executor', '='), ['crun', 'runc', 'in-builder']);
  t.strictSame(offered('build', '--output', ''), [], 'file names are left to bash');
  t.strictSame(
    offered('build', '--output', 'store', '--no'),
    ['--no-color'],
    'a value is no command',
  );
  t.strictSame(offered('build', '-e', 'A=b', '--no'), ['--no-color']);
});
