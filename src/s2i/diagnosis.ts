/** Why a script failed, as far as its exit code and facts about its file tell. */

import type { ScriptName } from './names.ts';

/** What is known about a script that failed. */
export interface ScriptFacts {
  readonly name: ScriptName;
  readonly path: string;
  /** As shells count: 128 + signal number for one that was killed. */
  readonly exitCode: number;
  /** Absent when there is no such file. */
  readonly file?: { readonly mode: number; readonly head: Uint8Array };
  /** Whether the image has a file at a path, for interpreters. */
  readonly imageHas: (path: string) => boolean;
  /** The architecture that programs have to be for, such as `amd64`. */
  readonly architecture: string;
}

/** An explanation and what to do about it. */
export interface Diagnosis {
  /** Completes "assemble failed: ". */
  readonly reason: string;
  readonly suggestion?: string;
}

/** A diagnosis, and whether a fault of the script's file is the reason, so that it never ran. */
export interface ScriptDiagnosis {
  readonly diagnosis: Diagnosis;
  readonly isCertain: boolean;
}

/**
 * Explains a failure. Facts about the file count for the codes with which shells and runtimes say that
 * they could not start something; with any other code the script itself decided. Runtimes say 1 as well, but so do
 * scripts that have removed themselves.
 */
export function diagnoseScript(facts: ScriptFacts): ScriptDiagnosis {
  const { exitCode, file } = facts;
  const found = !startCodes.includes(exitCode)
    ? undefined
    : file !== undefined
      ? scriptProblem(facts, file)
      : exitCode === 1
        ? undefined
        : missing(facts);
  return { diagnosis: found ?? meaningOfExitCode(exitCode), isCertain: found !== undefined };
}

const startCodes: readonly number[] = [1, 126, 127, 255];

/** What an exit code means by convention. */
export function meaningOfExitCode(code: number): Diagnosis {
  switch (code) {
    case 126:
      return {
        reason: 'exit code 126: something it called cannot be executed',
        suggestion: 'check the execute bits and the architecture of what it calls',
      };
    case 127:
      return {
        reason: 'exit code 127: a command was not found',
        suggestion: 'the last lines name the command; it has to be in the builder image',
      };
    case 137:
      return {
        reason: 'exit code 137: killed (SIGKILL), most often for lack of memory',
        suggestion: 'give the build more memory, or let the script use less',
      };
    case 139:
      return {
        reason: 'exit code 139: a program crashed (SIGSEGV)',
        suggestion:
          'a native module may be for another libc or architecture than the builder image',
      };
    case 143:
      return { reason: 'exit code 143: terminated (SIGTERM)' };
    case 130:
      return { reason: 'exit code 130: interrupted (SIGINT)' };
    default:
      return code > 128 && code < 193
        ? { reason: `exit code ${code}: killed by signal ${code - 128}` }
        : { reason: `exit code ${code}` };
  }
}

function missing(facts: ScriptFacts): Diagnosis {
  return {
    reason: `there is no ${facts.path} in the image`,
    suggestion:
      facts.name === 'run'
        ? 'build the image again: its command names a script that it does not have'
        : 'check the label io.openshift.s2i.scripts-url of the builder image, or give --scripts-url',
  };
}

/** Finds what keeps a script from being started, as far as its file tells. */
export function scriptProblem(
  facts: ScriptFacts,
  file: NonNullable<ScriptFacts['file']>,
): Diagnosis | undefined {
  if ((file.mode & 0o111) === 0) {
    return {
      reason: `${facts.path} is not executable (mode ${file.mode.toString(8)})`,
      suggestion: `set its execute bit: chmod +x ${facts.name}`,
    };
  }
  const head = Buffer.from(file.head);
  if (head.toString('latin1', 0, 4) === '\u007fELF') return programProblem(facts, head);
  return interpreterProblem(facts, head);
}

function interpreterProblem(facts: ScriptFacts, head: Buffer): Diagnosis | undefined {
  const line = head.toString('utf8').split('\n', 1)[0] ?? '';
  if (!line.startsWith('#!')) {
    return facts.imageHas('/bin/sh')
      ? undefined
      : noShell(facts, `${facts.path} has no "#!" line and the image has no /bin/sh`);
  }
  if (line.endsWith('\r')) {
    return {
      reason: `the first line of ${facts.path} ends with a carriage return, so its interpreter is not found`,
      suggestion: 'save the script with Unix line ends: sed -i "s/\\r$//"',
    };
  }
  const { interpreter, argument } = shebangOf(head);
  if (interpreter !== '' && !facts.imageHas(interpreter)) {
    return noShell(facts, `the interpreter ${interpreter} of ${facts.path} is not in the image`);
  }
  return interpreter.endsWith('/env') && argument !== '' && facts.exitCode === 127
    ? {
        reason: `exit code ${facts.exitCode}: ${argument}, which runs ${facts.path}, or a command in it was not found`,
        suggestion: `check that ${argument} is on the PATH of the builder image`,
      }
    : undefined;
}

/** The interpreter that a script names, and the first of its arguments that is no option; empty when it names none. */
export function shebangOf(head: Uint8Array): {
  readonly interpreter: string;
  readonly argument: string;
} {
  const line = Buffer.from(head).toString('utf8').split('\n', 1)[0] ?? '';
  if (!line.startsWith('#!')) return { interpreter: '', argument: '' };
  const [interpreter = '', ...words] = line.slice(2).trim().split(/\s+/);
  return { interpreter, argument: words.find((word) => !word.startsWith('-')) ?? '' };
}

function noShell(facts: ScriptFacts, reason: string): Diagnosis {
  return {
    reason,
    suggestion: `install it in the builder image, or make ${facts.name} a static program`,
  };
}

/** ELF machine numbers of the architectures that images are made for. */
const machines: Readonly<Record<number, string>> = {
  3: '386',
  8: 'mips',
  21: 'ppc64le',
  22: 's390x',
  40: 'arm',
  62: 'amd64',
  183: 'arm64',
  243: 'riscv64',
  258: 'loong64',
};

function programProblem(facts: ScriptFacts, head: Buffer): Diagnosis | undefined {
  if (head.length < 20) return { reason: `${facts.path} is a damaged program` };
  const machine = head[5] === 2 ? head.readUInt16BE(18) : head.readUInt16LE(18);
  const architecture = machines[machine] ?? `machine ${machine}`;
  return architecture === facts.architecture
    ? undefined
    : {
        reason: `${facts.path} is a program for ${architecture}, not for ${facts.architecture}`,
        suggestion: 'use a builder image for this platform: see --platform',
      };
}
