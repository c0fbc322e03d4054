/**
 * From a reference to the places it is pulled from: rewritten location and mirrors, in their order.
 */

import { BuildError } from '../../errors/index.ts';
import { type Reference, withDefaultTag } from '../../model/index.ts';
import type { Mirror, RegistriesConfig, RegistryRule } from './types.ts';

/** Where to ask for a repository. */
export interface PullPlace {
  readonly registry: string;
  readonly repository: string;
  readonly insecure: boolean;
}

/** The places for one repository. */
export interface PullPlaces {
  /** The registry that the reference names, for all but pulls. */
  readonly named: PullPlace;
  /** Where pulls go that no mirror answers: the registry itself after rewriting. */
  readonly upstream: PullPlace;
  /** Mirrors that may be asked, most important first. */
  readonly mirrors: readonly (PullPlace & { readonly pullFrom: Mirror['pullFrom'] })[];
}

/**
 * Plans where a repository is asked for. Rules move what is read; what is pushed goes where it was said to go.
 *
 * @throws BuildError `POLICY_VIOLATION` when the registry is blocked
 */
export function planPlaces(reference: Reference, config: RegistriesConfig): PullPlaces {
  const { registry, repository, tag, digest } = withDefaultTag(reference);
  const name = `${registry}/${repository}`;
  const texts = [
    name,
    ...(tag === undefined ? [] : [`${name}:${tag}`]),
    ...(digest === undefined ? [] : [`${name}@${digest}`]),
  ];
  const rule = matchingRule(texts, config.rules);
  if (rule === undefined) {
    const named = { registry, repository, insecure: false };
    return { named, upstream: named, mirrors: [] };
  }
  if (rule.blocked) {
    throw new BuildError('POLICY_VIOLATION', `${name} is blocked by registries.conf`, {
      suggestion: `see the entry with prefix ${rule.prefix}`,
    });
  }
  return {
    named: { registry, repository, insecure: rule.insecure },
    upstream: { ...split(rewrite(name, rule, rule.location)), insecure: rule.insecure },
    mirrors: rule.mirrors.map(({ location, insecure, pullFrom }) => ({
      ...split(rewrite(name, rule, location)),
      insecure,
      pullFrom,
    })),
  };
}

/** The rule with the longest prefix that covers a text; `*.domain` covers hosts below the domain. */
function matchingRule(
  texts: readonly string[],
  rules: readonly RegistryRule[],
): RegistryRule | undefined {
  return rules
    .filter(({ prefix }) => texts.some((text) => covered(text, prefix) !== undefined))
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
  // The prefix of one tag is longer than the name; nothing of it is left then.
  return location + name.slice(covered(name, rule.prefix) ?? name.length);
}

function split(name: string): { readonly registry: string; readonly repository: string } {
  const slash = name.indexOf('/');
  return { registry: name.slice(0, slash), repository: name.slice(slash + 1) };
}
