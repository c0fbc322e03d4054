/**
 * From a reference to the places it is pulled from: rewritten location and mirrors, in their order.
 */

import { BuildError } from '../../errors/index.ts';
import type { Reference } from '../../model/index.ts';
import type { Mirror, RegistriesConfig, RegistryRule } from './types.ts';

/** Where to ask for a repository. */
export interface PullPlace {
  readonly registry: string;
  readonly repository: string;
  readonly insecure: boolean;
}

/** The places for one repository. */
export interface PullPlaces {
  /** Where the registry itself is, after rewriting. */
  readonly upstream: PullPlace;
  /** Mirrors that may be asked, most important first; only for pulls. */
  readonly mirrors: readonly (PullPlace & { readonly pullFrom: Mirror['pullFrom'] })[];
}

/**
 * Plans where a repository is asked for.
 *
 * @throws BuildError `POLICY_VIOLATION` when the registry is blocked
 */
export function planPlaces(
  reference: Pick<Reference, 'registry' | 'repository'>,
  config: RegistriesConfig,
): PullPlaces {
  const name = `${reference.registry}/${reference.repository}`;
  const rule = matchingRule(name, config.rules);
  if (rule === undefined) {
    return { upstream: { ...split(name), insecure: false }, mirrors: [] };
  }
  if (rule.blocked) {
    throw new BuildError('POLICY_VIOLATION', `${name} is blocked by registries.conf`, {
      suggestion: `see the entry with prefix ${rule.prefix}`,
    });
  }
  return {
    upstream: { ...split(rewrite(name, rule, rule.location)), insecure: rule.insecure },
    mirrors: rule.mirrors.map(({ location, insecure, pullFrom }) => ({
      ...split(rewrite(name, rule, location)),
      insecure,
      pullFrom,
    })),
  };
}

/** The rule with the longest prefix that covers a name; `*.domain` covers hosts below the domain. */
function matchingRule(name: string, rules: readonly RegistryRule[]): RegistryRule | undefined {
  return rules
    .filter(({ prefix }) => covered(name, prefix) !== undefined)
    .toSorted((a, b) => b.prefix.length - a.prefix.length)[0];
}

/** The length of the part of a name that a prefix covers. */
function covered(name: string, prefix: string): number | undefined {
  if (prefix.startsWith('*.')) {
    const slash = name.indexOf('/');
    const [host, path] = [name.slice(0, slash), name.slice(slash)];
    const at = prefix.indexOf('/');
    const domain = prefix.slice(1, at === -1 ? undefined : at);
    const below = at === -1 ? '' : prefix.slice(at);
    const fits = host.replace(/:\d+$/, '').endsWith(domain) && startsWithPath(path, below);
    return fits ? slash + below.length : undefined;
  }
  return startsWithPath(name, prefix) ? prefix.length : undefined;
}

function startsWithPath(name: string, prefix: string): boolean {
  return name === prefix || name.startsWith(`${prefix}/`) || prefix === '';
}

function rewrite(name: string, rule: RegistryRule, location: string): string {
  if (location === '') return name;
  return location + name.slice(covered(name, rule.prefix));
}

function split(name: string): { readonly registry: string; readonly repository: string } {
  const slash = name.indexOf('/');
  return { registry: name.slice(0, slash), repository: name.slice(slash + 1) };
}
