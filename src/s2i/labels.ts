/** The labels of an application image, and the annotations of its manifest. */

import { BuildError } from '../errors/index.ts';
import { buildLabelNamespace, descriptionLabel, displayNameLabel } from './names.ts';

/** A commit as labels know it. */
export interface LabelledCommit {
  readonly id: string;
  readonly authorName: string;
  readonly authorEmail: string;
  readonly date: string;
  readonly subject: string;
}

/** What labels tell about a build. */
export interface LabelInput {
  /** The builder image's full name, such as `docker.io/library/x:latest`. */
  readonly builder: string;
  /** The name of the application, else the tag, else nothing. */
  readonly displayName?: string;
  readonly description?: string;
  readonly source?: {
    /** Without credentials. */
    readonly location: string;
    readonly contextDir?: string;
    readonly ref?: string;
    readonly commit?: LabelledCommit;
    /** The files differ from the commit, so no label may claim it. */
    readonly modified?: boolean;
  };
  /** `io.openshift.s2i.build.` when absent. */
  readonly namespace?: string;
}

/** Labels from names to values; never has a prototype. */
export type Labels = Readonly<Record<string, string>>;

const maxLabelBytes = 10_240;
const maxSubjectLength = 80;

/** The labels a build generates. Empty values are left out. */
export function generatedLabels(input: LabelInput): Labels {
  const namespace = input.namespace ?? buildLabelNamespace;
  const { source } = input;
  const exact = source?.modified === true ? undefined : source?.commit;
  const entries: readonly (readonly [string, string | undefined])[] = [
    [displayNameLabel, input.displayName],
    [descriptionLabel, input.description],
    [`${namespace}image`, input.builder],
    [`${namespace}source-location`, source?.location],
    [`${namespace}source-context-dir`, source?.contextDir],
    [`${namespace}commit.author`, exact && authorOf(exact)],
    [`${namespace}commit.date`, exact?.date],
    [`${namespace}commit.id`, exact?.id],
    [`${namespace}commit.ref`, exact && source?.ref],
    [`${namespace}commit.message`, exact && shortSubject(exact.subject)],
  ];
  return labelsFrom(entries.filter((entry): entry is [string, string] => Boolean(entry[1])));
}

/**
 * Merges labels, weakest first: the builder's, the generated, the user's, those assemble left behind.
 *
 * @throws BuildError `LIMIT_EXCEEDED` when they are larger than 10240 bytes together
 */
export function mergeLabels(...maps: readonly Labels[]): Labels {
  const merged = labelsFrom(maps.flatMap((map) => Object.entries(map)));
  const bytes = Object.entries(merged).reduce(
    (sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value),
    0,
  );
  if (bytes <= maxLabelBytes) return merged;
  throw new BuildError(
    'LIMIT_EXCEEDED',
    `the labels of the image take ${bytes} bytes; at most ${maxLabelBytes} are allowed`,
    {
      details: { bytes, limit: maxLabelBytes },
      suggestion:
        'shorten the labels given with --label, or those that assemble writes to image_metadata.json',
    },
  );
}

/** Makes a map in which every key is data, also `__proto__`. */
export function labelsFrom(entries: Iterable<readonly [string, string]>): Labels {
  const labels: Record<string, string> = Object.create(null);
  for (const [key, value] of entries) labels[key] = value;
  return labels;
}

/** The first line of a commit's message, cut to 80 characters as source-to-image cuts it. */
export function shortSubject(subject: string): string {
  const characters = [...subject];
  if (characters.length <= maxSubjectLength) return subject;
  return `${characters.slice(0, maxSubjectLength - 2).join('')}..`;
}

function authorOf({ authorName, authorEmail }: LabelledCommit): string {
  return authorEmail === '' ? authorName : `${authorName} <${authorEmail}>`;
}

/** What annotations tell beside labels. */
export interface AnnotationInput extends LabelInput {
  /** RFC 3339. */
  readonly created: string;
  readonly builderDigest: string;
}

/** The annotations of the manifest (OCI image-spec, annotations.md). */
export function manifestAnnotations(input: AnnotationInput): Labels {
  const prefix = 'org.opencontainers.image.';
  const { source } = input;
  const exact = source?.modified === true ? undefined : source?.commit;
  const remote = source !== undefined && /^(?:https?|ssh):\/\/|^[^/]+@[^/]+:/.test(source.location);
  const entries: readonly (readonly [string, string | undefined])[] = [
    [`${prefix}created`, input.created],
    [`${prefix}title`, input.displayName],
    [`${prefix}description`, input.description],
    [`${prefix}source`, remote ? source.location : undefined],
    [`${prefix}revision`, exact?.id],
    [`${prefix}base.name`, input.builder],
    [`${prefix}base.digest`, input.builderDigest],
  ];
  return labelsFrom(entries.filter((entry): entry is [string, string] => Boolean(entry[1])));
}
