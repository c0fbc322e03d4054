/**
 * Finds the S2I scripts of a build: looks at the builder image, the source and the user's scripts URL,
 * and puts those that are not in the image into it.
 */

import { existsSync, statSync } from 'node:fs';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Agent, FileFacts } from '../agent/index.ts';
import { BuildError } from '../errors/index.ts';
import {
  type BuilderContract,
  needsShell,
  parseScriptsUrl,
  planScripts,
  requireScript,
  type ScriptLocation,
  type ScriptName,
  type ScriptPlan,
  type ScriptsUrl,
  scriptNames,
  sourceScriptDirectories,
} from '../s2i/index.ts';
import { readSourceFile } from '../source/index.ts';
import type { Container } from './container.ts';

/** Bytes of a script that are read to tell how it is started and why it might not be. */
const headBytes = 4096;
const maxScriptSize = 16 * 1024 * 1024;

/** What scripts are looked for with. */
export interface ScriptSearch {
  readonly contract: BuilderContract;
  readonly destination: string;
  /** `--scripts-url`. */
  readonly scriptsUrl?: string;
  /** The opened source, when the build has one. */
  readonly sourcePath?: string;
}

interface ParsedSearch extends ScriptSearch {
  readonly url: ScriptsUrl | undefined;
}

/** The scripts of a build, in place. */
export class Scripts {
  readonly plan: ScriptPlan;
  readonly #search: ParsedSearch;
  readonly #heads: ReadonlyMap<string, FileFacts>;

  private constructor(
    plan: ScriptPlan,
    search: ParsedSearch,
    heads: ReadonlyMap<string, FileFacts>,
  ) {
    this.plan = plan;
    this.#search = search;
    this.#heads = heads;
  }

  /**
   * Looks for all scripts.
   *
   * @throws BuildError `SCRIPT_NOT_FOUND`, `USAGE_INVALID`, `BUILDER_INVALID`
   */
  static async find(
    agent: Agent,
    container: Container,
    search: ScriptSearch,
    signal: AbortSignal,
  ): Promise<Scripts> {
    const url =
      search.scriptsUrl === undefined
        ? undefined
        : parseScriptsUrl(search.scriptsUrl, {
            from: 'user',
            what: '--scripts-url',
            allowRemote: true,
          });
    const heads = await readHeads(agent, container, [url, search.contract.scriptsUrl], signal);
    const inSource = await sourceScripts(search.sourcePath);
    const plan = planScripts({
      contract: search.contract,
      destination: search.destination,
      ...(url === undefined ? {} : { scriptsUrl: url }),
      urlHas,
      sourceHas: (name) => inSource.get(name),
      imageHas: (path) => heads.has(path),
    });
    return new Scripts(plan, { ...search, url }, heads);
  }

  /** @throws BuildError `SCRIPT_NOT_FOUND` naming the places that were looked at */
  require(name: ScriptName): ScriptLocation {
    const { contract, url } = this.#search;
    return requireScript(this.plan, name, {
      contract,
      ...(url === undefined ? {} : { scriptsUrl: url }),
    });
  }

  /** Facts about a script that lies in the image. */
  factsOf(location: ScriptLocation): FileFacts | undefined {
    return this.#heads.get(location.path);
  }

  /** Tells whether a script has to be handed to a shell because it has no `#!` line. */
  viaShell(location: ScriptLocation): boolean {
    const facts = this.factsOf(location);
    return facts !== undefined && needsShell(facts.head);
  }

  /**
   * Puts scripts from outside of the image into `<destination>/scripts`, executable.
   *
   * @returns whether there were any
   */
  async place(
    agent: Agent,
    container: Container,
    owner: { readonly uid: number; readonly gid: number },
    mtime: bigint,
    signal: AbortSignal,
  ): Promise<boolean> {
    const outside = Object.entries(this.plan.scripts).filter(
      ([, location]) => location.kind !== 'image',
    );
    if (outside.length === 0) return false;
    const staging = await mkdtemp(join(container.workspace, 'scripts-'));
    try {
      for (const [name, location] of outside) {
        await copyFile(this.#hostPath(location, name), join(staging, name));
      }
      const to = `${this.#search.destination === '/' ? '' : this.#search.destination}/scripts`;
      await agent.call(
        'placeTree',
        {
          workspace: container.workspace,
          from: staging,
          to,
          owner,
          mtime,
          symlinks: 'follow',
          executable: true,
        },
        { signal },
      );
    } finally {
      await rm(staging, { recursive: true, force: true });
    }
    return true;
  }

  #hostPath(location: ScriptLocation, name: string): string {
    if (location.kind === 'source') return join(this.#search.sourcePath ?? '', location.sourcePath);
    if (location.kind === 'url' && location.url.kind === 'file')
      return join(location.url.path, name);
    throw new BuildError('INTERNAL', `script ${name} has no place on this machine`);
  }
}

async function readHeads(
  agent: Agent,
  container: Container,
  urls: readonly (ScriptsUrl | undefined)[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, FileFacts>> {
  const paths = urls.flatMap((url) =>
    url?.kind === 'image'
      ? scriptNames.map((name) => `${url.path === '/' ? '' : url.path}/${name}`)
      : [],
  );
  const facts = await agent.call(
    'readFiles',
    { workspace: container.workspace, paths, limit: headBytes },
    { signal },
  );
  return new Map(
    paths.flatMap((path, i) => {
      const found = facts[i];
      return found === undefined ? [] : [[path, found] as const];
    }),
  );
}

async function sourceScripts(
  sourcePath: string | undefined,
): Promise<ReadonlyMap<ScriptName, string>> {
  const found = new Map<ScriptName, string>();
  if (sourcePath === undefined) return found;
  for (const directory of sourceScriptDirectories) {
    for (const name of scriptNames) {
      const path = `${directory}/${name}`;
      if (!found.has(name) && (await readSourceFile(sourcePath, path, maxScriptSize)) !== undefined)
        found.set(name, path);
    }
  }
  return found;
}

function urlHas(url: ScriptsUrl, name: ScriptName): boolean {
  if (url.kind === 'http') {
    throw new BuildError('USAGE_INVALID', `scripts cannot be fetched from ${url.url} yet`, {
      suggestion: 'download them, and name their directory with --scripts-url file:///...',
    });
  }
  const path = join(url.path, name);
  return existsSync(path) && statSync(path).isFile();
}
