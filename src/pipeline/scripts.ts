/**
 * Finds the S2I scripts of a build: looks at the builder image, the source and the scripts URLs, and puts
 * those that are not in the image into it.
 */

import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Agent, FileFacts } from '../agent/index.ts';
import {
  type BuilderContract,
  imageScriptCandidates,
  needsShell,
  planScripts,
  requireScript,
  type ScriptLocation,
  type ScriptName,
  type ScriptPlan,
} from '../s2i/index.ts';
import type { Container } from './container.ts';
import { maxScriptSize, type OutsidePlaces } from './outside-scripts.ts';

/** Bytes of a script that are read to tell how it is started and why it might not be. */
const headBytes = 4096;

/** What scripts are looked for with. */
export interface ScriptSearch {
  readonly contract: BuilderContract;
  readonly destination: string;
  /** What was found outside of the image. */
  readonly outside: OutsidePlaces;
}

/** Everything that was found, wherever it is. */
interface FoundScripts extends OutsidePlaces {
  readonly inImage: ReadonlyMap<string, FileFacts>;
}

/** The scripts of a build, in place. */
export class Scripts {
  readonly plan: ScriptPlan;
  readonly #search: ScriptSearch;
  readonly #found: FoundScripts;

  private constructor(plan: ScriptPlan, search: ScriptSearch, found: FoundScripts) {
    this.plan = plan;
    this.#search = search;
    this.#found = found;
  }

  /**
   * Looks for all scripts.
   *
   * @throws BuildError `SCRIPT_NOT_FOUND`
   */
  static async find(
    agent: Agent,
    container: Container,
    search: ScriptSearch,
    signal: AbortSignal,
  ): Promise<Scripts> {
    const found = await findAll(agent, container, search, signal);
    const plan = planScripts({
      contract: search.contract,
      destination: search.destination,
      ...(found.url === undefined ? {} : { scriptsUrl: found.url }),
      urlHas: (url, name) => found.atUrls.get(url)?.has(name) === true,
      sourceHas: (name) => found.inSource.get(name)?.from,
      imageHas: (path) => found.inImage.has(path),
    });
    return new Scripts(plan, search, found);
  }

  /** What the user should know about the scripts that are used. */
  get warnings(): readonly string[] {
    const repairs = this.#outside().flatMap(([name, location]) => [
      ...(this.#contentOf(location, name)?.warnings ?? []),
    ]);
    return [...this.plan.warnings, ...repairs];
  }

  /** @throws BuildError `SCRIPT_NOT_FOUND` naming the places that were looked at */
  require(name: ScriptName): ScriptLocation {
    const { url } = this.#found;
    const { contract } = this.#search;
    return requireScript(this.plan, name, {
      contract,
      ...(url === undefined ? {} : { scriptsUrl: url }),
    });
  }

  /** Facts about a script as it lies in the container. */
  factsOf(name: ScriptName): FileFacts | undefined {
    const location = this.plan.scripts[name];
    if (location === undefined) return undefined;
    if (location.kind === 'image') return this.#found.inImage.get(location.path);
    const content = this.#contentOf(location, name)?.content;
    return content === undefined
      ? undefined
      : {
          kind: 'file',
          mode: 0o755,
          size: content.length,
          head: content.subarray(0, headBytes),
        };
  }

  /** Tells whether a script has to be handed to a shell because it has no `#!` line. */
  viaShell(name: ScriptName): boolean {
    const facts = this.factsOf(name);
    return facts !== undefined && needsShell(facts.head);
  }

  /**
   * Reads a script that the build has, wherever it comes from.
   *
   * @throws BuildError `SCRIPT_NOT_FOUND`
   */
  async read(name: ScriptName, container: Container, signal: AbortSignal): Promise<Uint8Array> {
    const location = this.require(name);
    const content =
      location.kind === 'image'
        ? await container.readFile(location.path, maxScriptSize, signal)
        : this.#contentOf(location, name)?.content;
    return content ?? new Uint8Array();
  }

  /** The scripts of the source that are used, by their paths there. */
  get sourcePaths(): readonly string[] {
    return this.#outside().flatMap(([, location]) =>
      location.kind === 'source' ? [location.sourcePath] : [],
    );
  }

  /** Whether any script comes from outside of the image. */
  get hasOutside(): boolean {
    return this.#outside().length > 0;
  }

  /** Puts scripts from outside of the image into `<destination>/scripts`, executable; the directory is there in any case. */
  async place(
    agent: Agent,
    container: Container,
    owner: { readonly uid: number; readonly gid: number },
    mtime: bigint,
    signal: AbortSignal,
  ): Promise<void> {
    const outside = this.#outside().flatMap(([name, location]) => {
      const script = this.#contentOf(location, name);
      return script === undefined ? [] : [[name, script.content] as const];
    });
    const to = scriptsDirectory(this.#search.destination);
    if (outside.length === 0 && (await container.existing([to])).has(to)) return;
    await placeScripts(agent, container, { scripts: outside, to, owner, mtime }, signal);
  }

  #outside(): readonly (readonly [ScriptName, ScriptLocation])[] {
    const entries = Object.entries(this.plan.scripts) as [ScriptName, ScriptLocation][];
    return entries.filter(([, location]) => location.kind !== 'image');
  }

  #contentOf(location: ScriptLocation, name: ScriptName) {
    if (location.kind === 'source') return this.#found.inSource.get(name);
    return location.kind === 'url' ? this.#found.atUrls.get(location.url)?.get(name) : undefined;
  }
}

/** Where scripts from outside of the image are put. */
export function scriptsDirectory(destination: string): string {
  return `${destination === '/' ? '' : destination}/scripts`;
}

/** Scripts on their way into a container. */
export interface ScriptPlacement {
  readonly scripts: readonly (readonly [ScriptName, Buffer])[];
  /** Absolute container path; other files that are there stay. */
  readonly to: string;
  readonly owner: { readonly uid: number; readonly gid: number };
  /** Nanoseconds since the epoch. */
  readonly mtime: bigint;
}

/** Writes scripts into a directory of a container, executable. */
export async function placeScripts(
  agent: Agent,
  container: Container,
  { scripts, to, owner, mtime }: ScriptPlacement,
  signal: AbortSignal,
): Promise<void> {
  const staging = await mkdtemp(join(container.workspace, 'scripts-'));
  try {
    await chmod(staging, 0o755);
    for (const [name, content] of scripts)
      await writeFile(join(staging, name), content, { mode: 0o755 });
    const { workspace } = container;
    await agent.call(
      'placeTree',
      {
        ...{ workspace, from: staging, to, merge: true },
        ...{ owner, mtime, symlinks: 'preserve', executable: true },
      },
      { signal },
    );
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

async function findAll(
  agent: Agent,
  container: Container,
  { contract, outside }: ScriptSearch,
  signal: AbortSignal,
): Promise<FoundScripts> {
  const candidates = imageScriptCandidates(contract, outside.url);
  return { ...outside, inImage: await readHeads(agent, container, candidates, signal) };
}

/** Only regular files count: a directory called `run` is no script. */
async function readHeads(
  agent: Agent,
  container: Container,
  paths: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, FileFacts>> {
  const { workspace } = container;
  const facts = await agent.call('readFiles', { workspace, paths, limit: headBytes }, { signal });
  return new Map(
    paths.flatMap((path, i) => {
      const found = facts[i];
      return found?.kind === 'file' ? [[path, found] as const] : [];
    }),
  );
}
