/**
 * Small records that make later runs faster: where blobs were seen, what was built from what. They are
 * hints: any of them may be missing, old or unreadable, and nothing is wrong then.
 */

import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { BuildError } from '../errors/index.ts';
import { isJsonObject, type Json } from '../model/index.ts';
import type { StoreContext } from './context.ts';
import { fileError, makeDirectories, unlinkIfAny, writeAtomically } from './files.ts';

/** Milliseconds after which a record that was never finished is taken for abandoned. */
const abandonedAfter = 3_600_000;

/** Records by kind and key. Kinds are short lower-case words; keys are any text. */
export class Records {
  readonly #context: StoreContext;

  constructor(context: StoreContext) {
    this.#context = context;
  }

  /** Reads a record; undefined when there is none that can be read. */
  async read(kind: string, key: string): Promise<Json | undefined> {
    const found = await this.#parse(join(this.#directory(kind), nameOf(key)));
    return found?.key === key ? found.value : undefined;
  }

  /** Tells whether there are no records of a kind. */
  async isEmpty(kind: string): Promise<boolean> {
    const names = await readdir(this.#directory(kind)).catch(() => []);
    return names.length === 0;
  }

  /** Lists the records of a kind. */
  async list(kind: string): Promise<readonly { readonly key: string; readonly value: Json }[]> {
    const directory = this.#directory(kind);
    const names = await readdir(directory).catch(() => []);
    const found = await Promise.all(
      names
        .filter((name) => name.endsWith('.json'))
        .map((name) => this.#parse(join(directory, name))),
    );
    return found.filter((record) => record !== undefined);
  }

  /** Writes a record, replacing the one before it at once. On a read-only store it does nothing. */
  async write(kind: string, key: string, value: Json): Promise<void> {
    if (this.#context.readOnly) return;
    const directory = this.#directory(kind);
    try {
      await makeDirectories(directory);
      const content = `${JSON.stringify({ key, value })}\n`;
      await writeAtomically(join(directory, nameOf(key)), content);
    } catch (error) {
      throw await fileError(error, `cannot write a ${kind} record`, this.#context.paths.records);
    }
  }

  /** Removes a record if it is there. */
  async remove(kind: string, key: string): Promise<void> {
    await unlinkIfAny(join(this.#directory(kind), nameOf(key)));
  }

  /**
   * Removes the records written before a time, in milliseconds since the epoch. What another process is
   * writing at the moment has a name that begins with a dot, and is left to it.
   */
  async removeOlderThan(time: number): Promise<void> {
    const abandoned = this.#context.now() - abandonedAfter;
    for (const kind of await readdir(this.#context.paths.records)) {
      const directory = this.#directory(kind);
      for (const name of await readdir(directory)) {
        const path = join(directory, name);
        const found = await stat(path).catch(() => undefined);
        const limit = name.startsWith('.') ? Math.min(time, abandoned) : time;
        if (found !== undefined && found.mtimeMs < limit) await unlinkIfAny(path);
      }
    }
  }

  #directory(kind: string): string {
    if (/^[a-z][a-z0-9-]{0,39}$/.test(kind)) return join(this.#context.paths.records, kind);
    throw new BuildError('INTERNAL', `not a kind of record: ${JSON.stringify(kind)}`);
  }

  async #parse(path: string): Promise<{ key: string; value: Json } | undefined> {
    try {
      const record: unknown = JSON.parse(await readFile(path, 'utf8'));
      if (!isJsonObject(record) || typeof record['key'] !== 'string') return undefined;
      return { key: record['key'], value: record['value'] ?? null };
    } catch {
      return undefined;
    }
  }
}

function nameOf(key: string): string {
  return `${createHash('sha256').update(key).digest('hex')}.json`;
}
