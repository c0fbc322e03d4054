/** Checks the scripts of a builder image: where they are, and whether the user of assemble can start them. */

import { scriptProblem, shebangOf } from '../diagnosis.ts';
import { environmentValue } from '../environment.ts';
import { builderLabels, type ScriptName } from '../names.ts';
import { needsShell } from '../script-command.ts';
import {
  type CheckedImage,
  type CheckFinding,
  fail,
  type ImageFile,
  mayUse,
  pass,
  permissions,
  warn,
} from './facts.ts';

/** What is said of a script that is not there; required ones fail. */
const whenMissing: Readonly<Record<'assemble' | 'run' | 'save-artifacts' | 'usage', string>> = {
  assemble: 'every source has to bring its own',
  run: 'every source has to bring its own',
  'save-artifacts': 'no incremental builds',
  usage: 'nobody learns from the image how it is used',
};

/** Checks the scripts URL and each script. */
export async function checkScripts(image: CheckedImage): Promise<readonly CheckFinding[]> {
  const [label = ''] = builderLabels.scriptsUrl;
  const { contract } = image;
  if (contract === undefined) return [];
  const url = contract.scriptsUrl;
  if (url === undefined)
    return [
      fail(
        'scripts-url',
        `the image does not say where its scripts are: it has no label ${label}`,
        `LABEL ${label}="image:///usr/libexec/s2i"`,
      ),
    ];
  if (url.kind !== 'image')
    return [
      warn(
        'scripts-url',
        'the scripts are on a server, so builds need --allow-remote-scripts',
        'put the scripts into the image: image:///usr/libexec/s2i',
      ),
    ];
  const names = ['assemble', 'run', 'save-artifacts', 'usage'] as const;
  const base = url.path === '/' ? '' : url.path;
  const found = await Promise.all(names.map((name) => checkScript(image, name, `${base}/${name}`)));
  return [pass('scripts-url', `image://${url.path}`), ...found.flat()];
}

async function checkScript(
  image: CheckedImage,
  name: keyof typeof whenMissing,
  path: string,
): Promise<CheckFinding> {
  const required = name === 'assemble' || name === 'run';
  const file = await image.lookAt(path);
  if (file === undefined) {
    const detail = `there is no ${path}: ${whenMissing[name]}`;
    if (name === 'save-artifacts') return pass(name, detail);
    return (required ? fail : warn)(name, detail, `COPY s2i/bin/ ${path.slice(0, -name.length)}`);
  }
  const problem =
    file.kind === 'file'
      ? await startProblem(image, name, path, file)
      : { reason: `${path} is no regular file`, suggestion: 'put the script itself there' };
  if (problem === undefined) return pass(name, path);
  return (required ? fail : warn)(name, problem.reason, problem.suggestion);
}

interface Problem {
  readonly reason: string;
  readonly suggestion: string;
}

async function startProblem(
  image: CheckedImage,
  name: ScriptName,
  path: string,
  file: ImageFile,
): Promise<Problem | undefined> {
  const { user, architecture, lookAt } = image;
  const { interpreter, argument } = shebangOf(file.head);
  const known = new Map<string, boolean>();
  for (const program of ['/bin/sh', interpreter])
    known.set(program, program !== '' && (await lookAt(program)) !== undefined);
  const imageHas = (program: string) => known.get(program) === true;
  const facts = { name, path, exitCode: 126, imageHas, architecture };
  const problem = scriptProblem(facts, file);
  if (problem !== undefined) return { suggestion: 'see the scripts of `s2oci create`', ...problem };
  if (user !== undefined && !mayUse(user, file, permissions.execute))
    return {
      reason: `user ${user.uid} may not execute ${path} (mode ${file.mode.toString(8)}, owner ${file.uid}:${file.gid})`,
      suggestion: `RUN chmod 755 ${path}`,
    };
  if (interpreter.endsWith('/env') && argument !== '' && !(await onPath(image, argument)))
    return {
      reason: `${argument}, which runs ${path}, is not on the PATH of the image`,
      suggestion: `install ${argument} in the builder image`,
    };
  const isScript = interpreter !== '' || needsShell(file.head);
  if (isScript && user !== undefined && !mayUse(user, file, permissions.read))
    return {
      reason: `user ${user.uid} may not read ${path}, which its interpreter has to`,
      suggestion: `RUN chmod 755 ${path}`,
    };
  return undefined;
}

async function onPath({ execution, lookAt }: CheckedImage, program: string): Promise<boolean> {
  const path = environmentValue(execution.env, 'PATH') ?? '/usr/local/bin:/usr/bin:/bin';
  for (const directory of path.split(':'))
    if ((await lookAt(`${directory}/${program}`)) !== undefined) return true;
  return false;
}
