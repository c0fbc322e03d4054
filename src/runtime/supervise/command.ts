/** What is supervised, and the command line that puts it where it can be ended as a whole. */

import type { RuntimeDeps } from '../deps.ts';
import { canMount } from '../machine/identity.ts';
import { onProcessors } from '../machine/limits.ts';
import type { ProcessLimits, RunGroup, RunSpec } from '../ports.ts';

/** The number of the first extra descriptor; the others follow. */
export const firstExtraDescriptor = 5;

/** Something passed to the command on a descriptor of its own. */
export type ExtraDescriptor =
  /** A pipe from which the command reads these bytes. */
  | { readonly kind: 'input'; readonly bytes: Uint8Array }
  /** A pipe whose text is collected. */
  | { readonly kind: 'output' }
  /** A descriptor of this process. */
  | { readonly kind: 'inherited'; readonly descriptor: number };

/** One command of an executor. */
export interface SupervisedCommand {
  /** Program and arguments; the program's path is absolute. */
  readonly argv: readonly string[];
  /** Options of unshare besides the pid namespace, such as `--mount`. */
  readonly namespaces?: readonly string[];
  /** false for a command that makes a pid namespace by itself and needs /proc to fit its own pid. */
  readonly pidNamespace?: boolean;
  /** Mounts a fresh /proc for the new pid namespace first; needs `--mount` and a kernel that allows it. */
  readonly mountProc?: boolean;
  /** Shows a directory under another path as well; needs `--mount`. */
  readonly bind?: { readonly source: string; readonly target: string };
  readonly extra?: readonly ExtraDescriptor[];
  /** Environment of the command; default is a minimal one. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Working directory of the command; default is that of this process. */
  readonly directory?: string;
  /** A network of its own: a user-mode one, for executors that are told to use their host's. */
  readonly network?: 'slirp4netns' | 'pasta' | undefined;
  /** Limits of the command and all it starts that are kept from outside. */
  readonly limits?: Pick<ProcessLimits, 'memory' | 'processes' | 'cpus'>;
  /** A control group for the command and all it starts. */
  readonly group?: RunGroup;
  /** The command reports by itself on descriptor 3 that it is about to start the process. */
  readonly reportsStart?: boolean;
}

// $1 = mount, $2 = whether to mount /proc, $3 and $4 = a bind's source and target, $5 = whether to wait
// for a network, $6 = whether the command reports its start itself; what is empty does not happen, and
// the rest is the command.
const script = `
mount=$1 proc=$2 source=$3 target=$4 network=$5 own=$6
shift 6
if [ -n "$proc" ]; then "$mount" -t proc -o nosuid,nodev,noexec proc /proc || exit 125; fi
if [ -n "$source" ]; then "$mount" --bind -- "$source" "$target" || exit 125; fi
if [ -n "$network" ]; then
  printf 'network\n' >&3
  read -r _ <&3 || exit 125
fi
if [ -n "$own" ]; then exec "$@"; fi
printf 'started' >&3
exec 2>&4 3>&- 4>&-
exec "$@"
`;

/** What a run asks of the supervisor, whatever its executor. */
export function demandsOf({ limits, group, network }: RunSpec): Partial<SupervisedCommand> {
  return {
    ...(limits === undefined ? {} : { limits }),
    ...(group === undefined ? {} : { group }),
    network: network === 'host' || network === 'none' ? undefined : network,
  };
}

/** Whether the command gets a pid namespace, with which everything in it ends. */
export function isIsolated({ identity }: RuntimeDeps, command: SupervisedCommand): boolean {
  return canMount(identity) && command.pidNamespace !== false;
}

/** The whole command line: parent death signal, control group, namespaces, the shell that reports, the command. */
export function commandLine(deps: RuntimeDeps, command: SupervisedCommand): readonly string[] {
  const { tools } = deps;
  const setpriv = tools.find('setpriv');
  const guard = setpriv === undefined ? [] : [setpriv, '--pdeathsig', 'KILL', '--'];
  const { source = '', target = '' } = command.bind ?? {};
  return [
    ...guard,
    ...(command.group?.prefix ?? []),
    ...onProcessors(deps, command.limits?.cpus),
    ...namespacePart(deps, command),
    ...[tools.find('sh') ?? '/bin/sh', '-c', script, 'sh', tools.find('mount') ?? 'mount'],
    ...[command.mountProc === true ? 'proc' : '', source, target, command.network ?? ''],
    command.reportsStart === true ? 'own' : '',
    ...command.argv,
  ];
}

function namespacePart(deps: RuntimeDeps, command: SupervisedCommand): readonly string[] {
  const pid = isIsolated(deps, command)
    ? ['--pid', '--fork', '--kill-child', ...(command.namespaces ?? [])]
    : [];
  const network = command.network === undefined ? [] : ['--net'];
  const options = [...pid, ...network];
  return options.length === 0 ? [] : [deps.tools.find('unshare') ?? 'unshare', ...options, '--'];
}
