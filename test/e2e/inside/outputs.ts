/** What commands read and write for the user: sources, and whether results are whole. */

import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';

/** Directories with the state of things. */
interface States {
  /** Now. */
  readonly work: string;
  readonly before: string;
  /** After a command that met no fault. */
  readonly after: string;
}

/** Writes a source, a build context with an archive and every instruction that takes files, and a secret. */
export function writeSources(directory: string): void {
  const files = {
    'source/hello.txt': 'hello\n',
    'source/.s2i/bin/assemble-runtime': '#!/bin/sh\ncat hello.txt >done\n',
    'context/one.txt': 'one\n',
    'context/packed/two.txt': 'two\n',
    'context/Dockerfile': [
      'ARG BASE',
      'FROM $BASE AS first',
      'COPY one.txt /one/',
      'RUN --mount=type=secret,id=token --mount=type=cache,target=/cache cat /run/secrets/token >/dev/null && cp /one/one.txt /cache && ls /cache >/listed',
      'FROM $BASE',
      'ADD packed.tar /two/',
      'COPY --from=first /listed /listed',
      'RUN --mount=from=first,target=/first cat /first/one/one.txt >/three',
      'RUN <<END',
      'echo four >/four',
      'END',
      '',
    ].join('\n'),
    token: 'hidden',
    'user/.docker/config.json': JSON.stringify({
      auths: { 'registry.example.com': { auth: 'eDp5' } },
    }),
    'written/empty': '',
  };
  for (const [path, content] of Object.entries(files)) {
    fs.mkdirSync(join(directory, path, '..'), { recursive: true });
    fs.writeFileSync(join(directory, path), content, { mode: 0o755 });
  }
  const tar = ['-cf', 'packed.tar', '-C', 'packed', '.'];
  spawnSync('tar', tar, { cwd: join(directory, 'context') });
}

/** Tells whether an output is what it was or what it was to become, and nothing between. */
export function isWhole(output: string, { work, before, after }: States): boolean {
  const [is, was, becomes] = [work, before, after].map((state) => contentOf(join(state, output)));
  return is === was || is === becomes;
}

/** A file as it is, a result without the times in it, and of a layout whether all of its images are there. */
function contentOf(path: string): string {
  const stat = fs.statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return 'nothing';
  if (stat.isDirectory()) return layoutOf(path);
  const text = fs.readFileSync(path, 'latin1');
  return path.endsWith('/result.json') ? (JSON.parse(text) as { digest: string }).digest : text;
}

function layoutOf(path: string): string {
  if (!fs.existsSync(join(path, 'oci-layout'))) return 'nothing';
  const index = fs.readFileSync(join(path, 'index.json'), 'utf8');
  const { manifests } = JSON.parse(index) as { manifests: { digest: string }[] };
  if (manifests.length === 0) return 'nothing';
  const missing = manifests.flatMap(({ digest }) => missingBelow(path, digest));
  return missing.length === 0 ? 'a layout' : `a layout without ${missing}`;
}

function missingBelow(layout: string, digest: string): string[] {
  const path = join(layout, 'blobs', digest.replace(':', '/'));
  if (!fs.existsSync(path)) return [digest];
  const { config, layers = [] } = JSON.parse(fs.readFileSync(path, 'utf8'));
  const blobs: string[] = [config, ...layers].map((each) => each.digest);
  return blobs.filter((blob) => !fs.existsSync(join(layout, 'blobs', blob.replace(':', '/'))));
}
