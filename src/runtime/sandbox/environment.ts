/**
 * Hands the environment of an image to a process that programs of the machine start (util-linux, chroot).
 *
 * Those programs must not see it: a variable such as LD_PRELOAD would load code of the image into them
 * while they still hold privileges. So a shell takes the variables last, right before the final exec,
 * from a pipe and not from argv; the few names that a shell cannot hold, or that act on a dynamic loader,
 * are set by the image's own `env`.
 */

import { resolveInRootfs } from './resolve.ts';

/** An environment, divided by who sets it. */
export interface DividedEnvironment {
  /** Shell text of export commands. */
  readonly exports: string;
  /** `NAME=value` strings for the image's `env` program. */
  readonly late: readonly string[];
}

const identifier = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Names that act on loaders, on the C library or on the shell itself. */
const sensitive =
  /^(LD_.*|GLIBC_.*|MALLOC_.*|GCONV_PATH|LOCPATH|NLSPATH|GETCONF_DIR|HOSTALIASES|LOCALDOMAIN|RES_OPTIONS|RESOLV_HOST_CONF|TMPDIR|TZDIR|BASH.*|SHELLOPTS|POSIXLY_CORRECT|ENV|IFS|PS[0-9]|UID|EUID|PPID|GROUPS|DIRSTACK|FUNCNAME|LINENO|OPTIND|RANDOM|SECONDS|_)$/;

/** Divides `NAME=value` strings; the last of a name wins, strings without a name are dropped. */
export function divideEnvironment(env: readonly string[]): DividedEnvironment {
  const variables = new Map<string, string>();
  for (const text of env) {
    const equals = text.indexOf('=');
    if (equals > 0) variables.set(text.slice(0, equals), text.slice(equals + 1));
  }
  const isLate = (name: string) => !identifier.test(name) || sensitive.test(name);
  const early = [...variables].filter(([name]) => !isLate(name));
  const late = [...variables].filter(([name]) => isLate(name));
  return {
    exports: early.map(([name, value]) => `export ${name}=${quoted(value)}\n`).join(''),
    late: late.map(([name, value]) => `${name}=${value}`),
  };
}

/**
 * Puts the image's `env` in front of a command when variables are left for it.
 *
 * @returns the command, or in words why it cannot have its environment
 */
export function withLateVariables(
  rootfs: string,
  late: readonly string[],
  args: readonly string[],
): readonly string[] | string {
  if (late.length === 0) return args;
  const program = ['/usr/bin/env', '/bin/env'].find((path) => resolveInRootfs(rootfs, path));
  if (program !== undefined) return [program, ...late, ...args];
  const names = late.map((variable) => variable.slice(0, variable.indexOf('='))).join(', ');
  return `the variables ${names} need a program env in the image for this executor`;
}

function quoted(value: string): string {
  return `'${value.replaceAll("'", "'\\''")}'`;
}
