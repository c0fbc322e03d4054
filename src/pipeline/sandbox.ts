/** How the scripts of a build are confined, and what they are given for the build only. */

import { isAbsolute, resolve } from 'node:path';
import type { CacheInput } from '../cache/index.ts';
import { BuildError } from '../errors/index.ts';
import type { RunMount } from '../runtime/index.ts';
import type { SandboxSettings } from './container.ts';
import type { BuildRequest } from './request.ts';

/** Where a bundle of certificate authorities is mounted. */
const caBundlePath = '/run/s2oci/ca-bundle.crt';

/** The variables by which Node, npm, Python, git, curl, Go, Ruby and others find certificate authorities. */
const caBundleVariables = [
  'SSL_CERT_FILE',
  'NODE_EXTRA_CA_CERTS',
  'NPM_CONFIG_CAFILE',
  'PIP_CERT',
  'REQUESTS_CA_BUNDLE',
  'GIT_SSL_CAINFO',
  'CURL_CA_BUNDLE',
  'AWS_CA_BUNDLE',
] as const;

/** The part of a request that says how scripts are confined. */
export type SandboxRequest = Pick<
  BuildRequest,
  | 'executor'
  | 'minIsolation'
  | 'network'
  | 'addHosts'
  | 'dropCapabilities'
  | 'caBundle'
  | 'volumes'
  | 'timeoutSeconds'
  | 'limits'
  | 'seccomp'
  | 'maxOutputBytes'
>;

/** Derives the sandbox of a build from its request. */
export function sandboxOf(request: SandboxRequest): SandboxSettings {
  const { executor, minIsolation, network, addHosts, dropCapabilities, timeoutSeconds } = request;
  const { limits, maxOutputBytes, seccomp } = request;
  const trust: RunMount[] =
    request.caBundle === undefined || isInPlace(request)
      ? []
      : [{ kind: 'bind', source: request.caBundle, target: caBundlePath, readOnly: true }];
  return {
    network,
    addHosts,
    dropCapabilities,
    limits,
    mounts: [...trust, ...request.volumes.map(parseVolume)],
    ...(executor === undefined ? {} : { executor }),
    ...(minIsolation === undefined ? {} : { minIsolation }),
    ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }),
    ...(maxOutputBytes === undefined ? {} : { maxOutputBytes }),
    ...(seccomp === undefined ? {} : { seccomp }),
  };
}

/** What of a sandbox the result of a script can depend on, for the build cache. */
export function sandboxInputs(request: SandboxRequest): readonly CacheInput[] {
  const { executor = '', minIsolation = '', addHosts, dropCapabilities } = request;
  return [
    { label: 'network', value: request.network },
    { label: 'added hosts', value: addHosts.join(' ') },
    { label: 'dropped capabilities', value: dropCapabilities.toSorted().join(' ') },
    { label: 'executor or isolation', value: `${executor} ${minIsolation}` },
    { label: 'seccomp', value: seccompText(request.seccomp) },
    { label: 'certificate authorities', value: String(request.caBundle !== undefined) },
  ];
}

function seccompText(seccomp: SandboxRequest['seccomp']): string {
  return typeof seccomp === 'object' ? JSON.stringify(seccomp) : (seccomp ?? '');
}

/** The variables that belong to the sandbox and stay out of the image. */
export function sandboxEnvironment(
  request: Pick<SandboxRequest, 'caBundle' | 'executor'>,
): readonly string[] {
  const { caBundle } = request;
  if (caBundle === undefined) return [];
  const path = isInPlace(request) ? resolve(caBundle) : caBundlePath;
  return caBundleVariables.map((name) => `${name}=${path}`);
}

/** In place nothing can be mounted, and everything of the machine is in sight. */
function isInPlace({ executor }: Pick<SandboxRequest, 'executor'>): boolean {
  return executor === 'in-builder';
}

/** By which programs find a proxy; some read the one spelling, some the other. */
const proxyNames = ['HTTP_PROXY', 'HTTPS_PROXY', 'FTP_PROXY', 'ALL_PROXY', 'NO_PROXY'].flatMap(
  (name) => [name, name.toLowerCase()],
);

/** The proxies of this machine as variables for scripts of the build; the way out is no part of the image. */
export function proxyEnvironment(
  { network }: Pick<SandboxRequest, 'network'>,
  env: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  if (network === 'none') return [];
  return proxyNames.flatMap((name) => {
    const value = env[name] ?? '';
    return value === '' ? [] : [`${name}=${value}`];
  });
}

/**
 * Parses `host:container[:ro|rw]`.
 *
 * @throws BuildError `USAGE_INVALID`
 */
function parseVolume(text: string): RunMount {
  const [source = '', target = '', mode = 'rw', more] = text.split(':');
  const valid =
    isAbsolute(source) &&
    isAbsolute(target) &&
    ['ro', 'rw', 'z', 'Z'].includes(mode) &&
    more === undefined;
  if (!valid) {
    throw new BuildError('USAGE_INVALID', `not a volume: ${JSON.stringify(text)}`, {
      suggestion: 'write it as /path/on/host:/path/in/container or with :ro behind it',
    });
  }
  return { kind: 'bind', source, target, readOnly: mode === 'ro' };
}
