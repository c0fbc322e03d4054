/** Every flag of source-to-image: supported, accepted with one warning, or refused with the reason (reference 1.2 to 1.4). */

import t from 'tap';
import type { CommandIo, CommandSpec } from '../../src/cli/command.ts';
import { commands } from '../../src/cli/commands/index.ts';
import { acceptS2iFlags } from '../../src/cli/commands/s2i-flags.ts';

/** What becomes of a flag. */
type Fate = 'supported' | 'warned' | 'refused';

const program: Readonly<Record<string, Fate>> = {
  ...{ url: 'refused', cert: 'warned', key: 'warned', ca: 'warned' },
  ...{ tls: 'warned', tlsverify: 'warned', loglevel: 'supported' },
};

const common: Readonly<Record<string, Fate>> = {
  ...{ quiet: 'supported', incremental: 'supported', rm: 'supported' },
  ...{ 'callback-url': 'supported', destination: 'supported' },
  ...{ 'pull-policy': 'warned', 'incremental-pull-policy': 'warned' },
  ...{ 'runtime-pull-policy': 'warned', 'save-temp-dir': 'warned', 'dockercfg-path': 'warned' },
};

const ofBuild: Readonly<Record<string, Fate>> = {
  ...{ run: 'supported', 'ignore-submodules': 'supported', env: 'supported' },
  ...{ 'environment-file': 'supported', ref: 'supported', 'context-dir': 'supported' },
  ...{ 'assemble-user': 'supported', 'assemble-runtime-user': 'supported', exclude: 'supported' },
  ...{ 'scripts-url': 'supported', scripts: 'warned', 'image-scripts-url': 'supported' },
  ...{ 'use-config': 'supported', 'application-name': 'supported', description: 'supported' },
  ...{ 'allowed-uids': 'supported', inject: 'supported', volume: 'supported' },
  ...{ 'cap-drop': 'supported', copy: 'supported', 'keep-symlinks': 'supported' },
  ...{ 'runtime-image': 'supported', 'runtime-artifact': 'supported', network: 'supported' },
  ...{ 'add-host': 'supported', 'as-dockerfile': 'supported', location: 'warned' },
};

/** The letters by which scripts know them. */
const letters: Readonly<Record<string, string>> = {
  ...{ url: 'U', destination: 'd', 'pull-policy': 'p', env: 'e', 'environment-file': 'E' },
  ...{ ref: 'r', 'scripts-url': 's', 'application-name': 'n', 'allowed-uids': 'u', inject: 'i' },
  ...{ volume: 'v', copy: 'c', 'runtime-artifact': 'a', location: 'l' },
};

function commandNamed(name: string): CommandSpec {
  const found = commands.find((command) => command.name === name);
  if (found === undefined) throw new Error(`no command ${name}`);
  return found;
}

function flagOf(command: CommandSpec, name: string): string | undefined {
  return command.options?.map(({ flags }) => flags).find((flags) => named(flags).includes(name));
}

function named(flags: string): readonly string[] {
  return [...flags.matchAll(/--([a-z-]+)/g)].map(([, name = '']) => name);
}

/** What the flag gives when it is typed: warnings, or the reason of a refusal. */
function say(name: string, flags: string): readonly string[] | string {
  const value = /[<[]/.test(flags) ? (name.includes('policy') ? 'if-not-present' : '1') : true;
  const key = name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
  try {
    const options = { [key]: value };
    return acceptS2iFlags({ args: [], options, io: {} as CommandIo }).notices;
  } catch (error) {
    return (error as Error).message;
  }
}

t.test('each flag has the fate that docs/from-s2i.md tells', async (t) => {
  const build = commandNamed('build');
  for (const [name, fate] of Object.entries({ ...program, ...common, ...ofBuild })) {
    const flags = flagOf(build, name) ?? '';
    t.not(flags, '', `build takes --${name}`);
    const letter = letters[name];
    if (letter !== undefined) t.match(flags, `-${letter}, `, `-${letter} is --${name}`);
    const said = say(name, flags);
    if (fate === 'refused') t.type(said, 'string', `--${name} is refused: ${said}`);
    else t.equal(said.length, fate === 'warned' ? 1 : 0, `--${name}: ${said}`);
  }
});

t.test(
  'rebuild and usage take what builds take, all commands what is about the daemon',
  async (t) => {
    for (const name of ['rebuild', 'usage'])
      for (const flag of Object.keys({ ...program, ...common }))
        t.ok(flagOf(commandNamed(name), flag), `${name} --${flag}`);
    for (const name of ['create', 'generate', 'version', 'completion'])
      for (const flag of Object.keys(program))
        t.ok(flagOf(commandNamed(name), flag), `${name} --${flag}`);
  },
);

t.test('a policy of never is refused, since no daemon has images of its own', async (t) => {
  const options = { pullPolicy: 'never' };
  t.throws(() => acceptS2iFlags({ args: [], options, io: {} as CommandIo }), {
    code: 'USAGE_INVALID',
  });
});
