/** Reads the cases of `spec-fixtures/dockerfiles`; its README says how they are written. */

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Where the cases are. */
export const casesDirectory = join(import.meta.dirname, '../../../spec-fixtures/dockerfiles');

/** A Dockerfile that both builders build. */
export interface Case {
  readonly name: string;
  readonly dockerfile: string;
  /** What buildah gets instead, being too old for the case, and why. */
  readonly forBuildah?: { readonly reason: string; readonly dockerfile: string };
  readonly buildArgs: readonly string[];
  readonly target?: string;
  /** Lines of `.dockerignore`. */
  readonly ignore: readonly string[];
  /** Neither builder may accept it. */
  readonly isRejected: boolean;
  /** Why s2oci refuses what buildah accepts. */
  readonly refused?: string;
  /** Why s2oci accepts what buildah refuses. */
  readonly accepted?: string;
  /** Whether the history is compared, for which buildah needs a layer for each instruction. */
  readonly history: boolean;
  /** Differences that are meant: what differs, as a prefix of a line of the comparison, and why. */
  readonly differences: readonly { readonly what: string; readonly reason: string }[];
}

/** Reads every case. */
export async function readCases(): Promise<readonly Case[]> {
  const names = (await readdir(casesDirectory)).filter((name) => name.endsWith('.dockerfiles'));
  const texts = await Promise.all(
    names.toSorted().map((name) => readFile(join(casesDirectory, name), 'utf8')),
  );
  const cases = texts.flatMap(parseCases);
  const twice = cases.find(({ name }, index) => cases.findIndex((c) => c.name === name) !== index);
  if (twice !== undefined) throw new Error(`two cases are called ${twice.name}`);
  return cases;
}

function parseCases(text: string): readonly Case[] {
  const parts = text.split(/^#: case /m).slice(1);
  return parts.map((part) => {
    const lineEnd = part.indexOf('\n');
    return parseCase(part.slice(0, lineEnd).trim(), part.slice(lineEnd + 1));
  });
}

function parseCase(name: string, text: string): Case {
  const lines = text.split('\n');
  const settings = lines.filter((line) => line.startsWith('#: ')).map((line) => line.slice(3));
  const valuesOf = (key: string): readonly string[] =>
    settings.filter((one) => one.startsWith(`${key} `)).map((one) => one.slice(key.length + 1));
  const unknown = settings.find((one) => !knownSettings.has(one.split(' ')[0] ?? ''));
  if (unknown !== undefined) throw new Error(`case ${name}: unknown setting ${unknown}`);
  const [own = '', other] = text.split(/^#: buildah .*\n/m);
  const encode = encoder(settings);
  const target = valuesOf('target')[0];
  const refused = valuesOf('refused')[0];
  const accepted = valuesOf('accepted')[0];
  return {
    name,
    dockerfile: encode(withoutSettings(own)),
    ...(other === undefined
      ? {}
      : {
          forBuildah: { reason: valuesOf('buildah')[0] ?? '', dockerfile: withoutSettings(other) },
        }),
    buildArgs: valuesOf('arg'),
    ...(target === undefined ? {} : { target }),
    ignore: valuesOf('ignore'),
    ...(refused === undefined ? {} : { refused }),
    ...(accepted === undefined ? {} : { accepted }),
    isRejected: settings.includes('rejected'),
    history: settings.includes('history'),
    differences: valuesOf('differs').map((value) => {
      const [what = '', reason = ''] = value.split(' because ', 2);
      return { what, reason };
    }),
  };
}

const knownSettings = new Set([
  ...[
    'arg',
    'target',
    'ignore',
    'rejected',
    'refused',
    'accepted',
    'history',
    'differs',
    'buildah',
  ],
  ...['crlf', 'bom', 'no-newline'],
]);

function withoutSettings(text: string): string {
  return text
    .split('\n')
    .filter((line) => !line.startsWith('#: '))
    .join('\n');
}

/** How the text gets onto the disk. */
function encoder(settings: readonly string[]): (text: string) => string {
  if (settings.includes('crlf')) return (text) => text.replaceAll('\n', '\r\n');
  if (settings.includes('bom')) return (text) => `\ufeff${text}`;
  if (settings.includes('no-newline')) return (text) => text.trimEnd();
  return (text) => text;
}
