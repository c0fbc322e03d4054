/**
 * Image references, `[registry/]repository[:tag][@digest]` (OCI distribution-spec, "Pulling manifests";
 * the default registry and its `library/` rule are Docker's).
 *
 * Parsed by hand in linear time: the usual regular expressions for this grammar backtrack.
 */

import { BuildError } from '../errors/index.ts';
import { type Digest, isDigest } from './digest.ts';

/** A parsed reference. With neither tag nor digest it names a repository. */
export interface Reference {
  /** Host with optional port as written by users; `docker.io` for Docker Hub. */
  readonly registry: string;
  readonly repository: string;
  readonly tag?: string;
  /** Wins over the tag when both are given. */
  readonly digest?: Digest;
}

const maxNameLength = 255;

/**
 * Parses a reference. The tag stays absent when none is written: see {@link withDefaultTag}.
 *
 * @throws BuildError `REFERENCE_INVALID`
 */
export function parseReference(text: string): Reference {
  if (text.length > 1024) fail(text, 'it is longer than 1024 characters');
  const at = text.indexOf('@');
  const digest = at === -1 ? undefined : text.slice(at + 1);
  if (digest !== undefined && !isDigest(digest)) fail(text, 'what follows the "@" is not a digest');
  const { name, tag } = splitTag(at === -1 ? text : text.slice(0, at));
  if (tag !== undefined && !isTag(tag)) fail(text, `${JSON.stringify(tag)} is not a tag`);
  const { registry, repository } = splitName(name);
  if (!isRegistry(registry)) fail(text, `${JSON.stringify(registry)} is not a registry host`);
  const wrong = repository.split('/').find((component) => !isNameComponent(component));
  if (wrong !== undefined) fail(text, nameProblem(wrong));
  if (registry.length + 1 + repository.length > maxNameLength)
    fail(text, `its name is longer than ${maxNameLength} characters`);
  return {
    registry,
    repository,
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest: digest as Digest }),
  };
}

/** Returns the reference with tag `latest` when it has neither tag nor digest. */
export function withDefaultTag(reference: Reference): Reference {
  return reference.tag === undefined && reference.digest === undefined
    ? { ...reference, tag: 'latest' }
    : reference;
}

/** Writes a reference so that {@link parseReference} reads the same one. */
export function formatReference(reference: Reference): string {
  const tag = reference.tag === undefined ? '' : `:${reference.tag}`;
  const digest = reference.digest === undefined ? '' : `@${reference.digest}`;
  return `${reference.registry}/${reference.repository}${tag}${digest}`;
}

/** What to put behind `/manifests/`: the digest when there is one, else the tag, else `latest`. */
export function manifestSelector(reference: Reference): string {
  return reference.digest ?? reference.tag ?? 'latest';
}

/** Tells whether a text is a valid tag: at most 128 of `[A-Za-z0-9_.-]`, not beginning with `.` or `-`. */
export function isTag(text: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/.test(text);
}

/** Tells whether a text is a valid repository name of the distribution-spec, without registry. */
export function isRepository(text: string): boolean {
  return text.length <= maxNameLength && text.split('/').every(isNameComponent);
}

function splitTag(text: string): { name: string; tag: string | undefined } {
  const colon = text.lastIndexOf(':');
  if (
    colon === -1 ||
    colon < text.lastIndexOf('/') ||
    (colon < text.lastIndexOf(']') && text.startsWith('['))
  ) {
    return { name: text, tag: undefined };
  }
  return { name: text.slice(0, colon), tag: text.slice(colon + 1) };
}

function splitName(name: string): { registry: string; repository: string } {
  const slash = name.indexOf('/');
  const first = slash === -1 ? '' : name.slice(0, slash);
  const hasRegistry = first === 'localhost' || /[.:[]/.test(first) || first !== first.toLowerCase();
  const registry = hasRegistry ? first : 'docker.io';
  const path = hasRegistry ? name.slice(slash + 1) : name;
  if (['docker.io', 'index.docker.io', 'registry-1.docker.io'].includes(registry)) {
    return { registry: 'docker.io', repository: path.includes('/') ? path : `library/${path}` };
  }
  return { registry, repository: path };
}

function isRegistry(host: string): boolean {
  const match = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(?::(\d{1,5}))?$/.exec(host);
  if (match === null) return false;
  const [, name = '', port] = match;
  if (port !== undefined && (Number(port) > 65_535 || Number(port) === 0)) return false;
  return (
    name.startsWith('[') ||
    name.split('.').every((label) => /^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?$/.test(label))
  );
}

/** `[a-z0-9]+` runs joined by one of `.`, `_`, `__`, `-`...; checked character by character. */
function isNameComponent(text: string): boolean {
  if (text === '') return false;
  let separator = '';
  let seenName = false;
  for (const character of text) {
    if ((character >= 'a' && character <= 'z') || (character >= '0' && character <= '9')) {
      if (separator !== '' && !(seenName && isSeparator(separator))) return false;
      separator = '';
      seenName = true;
    } else {
      separator += character;
    }
  }
  return separator === '';
}

function isSeparator(text: string): boolean {
  return text === '.' || text === '_' || text === '__' || /^-+$/.test(text);
}

function nameProblem(component: string): string {
  if (component === '') return 'a part of its repository name is empty';
  if (component !== component.toLowerCase()) return 'repository names are lower-case';
  return `${JSON.stringify(component)} is not a repository name`;
}

function fail(text: string, why: string): never {
  const shown = text.length > 200 ? `${text.slice(0, 200)}...` : text;
  throw new BuildError(
    'REFERENCE_INVALID',
    `not an image reference: ${JSON.stringify(shown)}: ${why}`,
    {
      suggestion: 'write it as registry.example.com/name/app:tag',
    },
  );
}
