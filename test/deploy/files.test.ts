/** The job files of deploy/: they parse, their commands exist, and nothing that runs the builder image has credentials. */

import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { parseDocument } from 'yaml';
import type { CommandSpec } from '../../src/cli/command.ts';
import { commands } from '../../src/cli/commands/index.ts';

interface Container {
  readonly name: string;
  readonly command: readonly string[];
  readonly args?: readonly string[];
  readonly securityContext?: Readonly<Record<string, unknown>>;
  readonly volumeMounts: readonly { readonly name: string; readonly readOnly?: boolean }[];
  readonly workspaces?: readonly { readonly name: string }[];
}

/** Where GitLab (`script`) and GitHub (`run`) have commands. */
interface Commands extends Partial<Container> {
  readonly script?: readonly string[];
  readonly run?: string;
}

interface PodSpec {
  readonly securityContext?: object;
  readonly initContainers?: readonly Container[];
  readonly containers: readonly Container[];
  readonly volumes: readonly { readonly name: string }[];
}

interface Task {
  readonly stepTemplate: { readonly securityContext: object };
  readonly steps: readonly Container[];
  readonly volumes: readonly { readonly name: string }[];
}

const deploy = join(import.meta.dirname, '../../deploy');
const read = (name: string) => readFileSync(join(deploy, name), 'utf8');
const files = globSync('*/*', { cwd: deploy }).filter((name) => !name.startsWith('image/'));

function parse<T>(text: string): T {
  const document = parseDocument(text, { strict: true, uniqueKeys: true });
  if (document.errors.length > 0) throw document.errors[0];
  return document.toJS() as T;
}

const contentOf = (name: string): unknown =>
  // the pod of a Jenkinsfile stands in it as text
  parse(name.endsWith('Jenkinsfile') ? (/'''\n(.*)'''/s.exec(read(name))?.[1] ?? '') : read(name));

/** The words of each command of a script. */
function commandsOf(script: string): readonly (readonly string[])[] {
  return script.split(/&&|\||\n/).map((line) => line.match(/"[^"]*"|\S+/g) ?? []);
}

/** All commands of a parsed file: of containers, and in scripts. */
function commandsIn(value: unknown): readonly (readonly string[])[] {
  if (value === null || typeof value !== 'object') return [];
  const { command = [], args = [], script = [], run = [], ...others } = value as Commands;
  return [
    [...command, ...args],
    ...[script, run].flat().flatMap(commandsOf),
    ...Object.values(others).flatMap(commandsIn),
  ];
}

/** What is wrong with the words behind `s2oci`. */
function problemOf([name = '', ...words]: readonly string[]): string | undefined {
  const spec = commands.find((command) => command.name === name);
  if (spec === undefined) return `there is no command ${name}`;
  const given: string[] = [];
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? '';
    const option = optionOf(spec, word);
    if (option?.flags.includes('<')) at += 1;
    if (option?.choices?.includes(words[at] ?? '') === false) return `${word} ${words[at]}`;
    if (option === undefined) given.push(word);
  }
  const unknown = given.find((word) => word.startsWith('-'));
  if (unknown !== undefined) return `${name} has no option ${unknown}`;
  const known = spec.arguments ?? [];
  const least = known.filter((argument) => argument.name.startsWith('<')).length;
  return given.length < least || given.length > known.length ? `${name} ${given}` : undefined;
}

function optionOf(spec: CommandSpec, word: string) {
  return spec.options?.find(({ flags }) => flags.split(/[ ,]+/).includes(word));
}

t.test('every job calls s2oci with commands and options that there are', async (t) => {
  t.ok(files.length >= 8, files.join());
  for (const name of files) {
    const words = name.endsWith('Jenkinsfile')
      ? [...read(name).matchAll(/^ *sh '(.*)'$/gm)].flatMap(([, line = '']) => commandsOf(line))
      : commandsIn(contentOf(name));
    const calls = words.flatMap((all) => {
      const at = all.findIndex((word) => /(?:^|\/)s2oci(?:\.bin)?"?$/.test(word));
      const starts = at === 0 || (at === 1 && all[0] === 'npx');
      return starts ? [all.slice(at + 1)] : [];
    });
    t.ok(
      calls.some(([first]) => first === 'build' || first === 'push'),
      `${name} publishes`,
    );
    t.same(
      calls.flatMap((call) => problemOf(call) ?? []),
      [],
      name,
    );
  }
});

t.test('commands, options and values that there are not are found', async (t) => {
  t.equal(problemOf(['bulid']), 'there is no command bulid');
  t.equal(problemOf(['push', 'a', 'b', '--faster']), 'push has no option --faster');
  t.equal(problemOf(['build', '.', '--min-isolation', 'G']), '--min-isolation G');
  t.equal(problemOf(['push', 'a']), 'push a');
});

const pods = files.filter((name) => /^(?:kubernetes|openshift)\//.test(name));
const restricted = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } };
const restrictedPod = { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } };

/** Containers, volumes and the rights that all containers have. */
function partsOf(name: string) {
  if (name.startsWith('tekton')) {
    const { spec } = contentOf(name) as { spec: Task };
    return { ...spec, containers: spec.steps, pod: spec.stepTemplate.securityContext };
  }
  const { spec } = contentOf(name) as { spec: PodSpec };
  const containers = [...(spec.initContainers ?? []), ...spec.containers];
  return { containers, volumes: spec.volumes, pod: spec.securityContext ?? {} };
}

t.test(
  'every volume that is mounted is there, and every one that is there is mounted',
  async (t) => {
    for (const name of [...pods, 'tekton/task.yaml']) {
      const { containers, volumes } = partsOf(name);
      const mounted = containers.flatMap(({ volumeMounts }) =>
        volumeMounts.map((each) => each.name),
      );
      t.same([...new Set(mounted)].toSorted(), volumes.map((each) => each.name).toSorted(), name);
    }
  },
);

t.test('jobs of level F: restricted, and assemble has no credentials', async (t) => {
  for (const name of ['kubernetes/restricted.yaml', 'openshift/restricted-v2.yaml']) {
    const { containers, pod } = partsOf(name);
    t.match(pod, restrictedPod, name);
    for (const { securityContext } of containers) t.same(securityContext, restricted, name);
  }
  t.match(partsOf('tekton/task.yaml').pod, { ...restrictedPod, ...restricted });
  for (const name of [...pods, 'tekton/task.yaml']) {
    const { containers } = partsOf(name);
    const assemble = containers.find((container) => container.name === 'assemble');
    const reach = [...(assemble?.volumeMounts ?? []), ...(assemble?.workspaces ?? [])];
    t.notOk(
      reach.some((each) => /credentials|dockerconfig/.test(each.name)),
      name,
    );
    if (assemble !== undefined)
      t.match(
        reach.find((each) => each.name === 'tools'),
        { readOnly: true },
        name,
      );
  }
});
