/** The options of `RUN --mount`. Each type has a closed list of them; what is not in it is a mistake or an attempt. */

import { nearest } from '../../errors/index.ts';
import { problem, type ReadContext, shown } from '../context.ts';
import type { Statement } from '../lines.ts';
import type { Mount } from '../types.ts';
import type { Word } from '../words.ts';

const aliases: Readonly<Record<string, string>> = {
  dst: 'target',
  destination: 'target',
  src: 'source',
  ro: 'readonly',
  rw: 'readwrite',
};

const optionsOfType: Readonly<Record<Mount['type'], readonly string[]>> = {
  bind: ['target', 'source', 'from', 'readonly', 'readwrite'],
  cache: [
    ...['id', 'target', 'source', 'from', 'readonly', 'readwrite'],
    ...['sharing', 'mode', 'uid', 'gid'],
  ],
  tmpfs: ['target', 'size'],
  secret: ['id', 'source', 'target', 'env', 'required', 'mode', 'uid', 'gid'],
  ssh: ['id', 'target', 'required', 'mode', 'uid', 'gid'],
};

/** Thrown inside this module only: ends the reading of one mount. */
class MountFault extends Error {
  readonly suggestion: string | undefined;

  constructor(message: string, suggestion?: string) {
    super(message);
    this.suggestion = suggestion;
  }
}

/** Reads one mount; undefined when it was noted as a problem. */
export function parseMount(
  { text, offset }: Word,
  statement: Statement,
  context: ReadContext,
): Mount | undefined {
  try {
    return mountOf(text);
  } catch (error) {
    if (!(error instanceof MountFault)) throw error;
    const { message, suggestion } = error;
    return problem(context, statement, `--mount: ${message}`, {
      offset,
      ...(suggestion === undefined ? {} : { suggestion }),
    });
  }
}

function mountOf(text: string): Mount {
  const fields = splitFields(text);
  const type = fields.find(({ name }) => name === 'type')?.value ?? 'bind';
  if (!Object.hasOwn(optionsOfType, type)) {
    const guess = nearest(type, Object.keys(optionsOfType));
    throw new MountFault(
      `there is no type ${shown(type)}`,
      guess === undefined
        ? 'the types are bind, cache, tmpfs, secret and ssh'
        : `did you mean type=${guess}?`,
    );
  }
  const options = new Options(type as Mount['type'], fields);
  if (type === 'cache') return cacheMount(options);
  if (type === 'tmpfs') return tmpfsMount(options);
  if (type === 'secret') return secretMount(options);
  if (type === 'ssh') return sshMount(options);
  return bindMount(options);
}

interface Field {
  readonly name: string;
  readonly value?: string;
}

function splitFields(text: string): readonly Field[] {
  return text.split(',').map((field) => {
    const equals = field.indexOf('=');
    const written = (equals === -1 ? field : field.slice(0, equals)).toLowerCase().trim();
    const name = Object.hasOwn(aliases, written) ? (aliases[written] ?? written) : written;
    return equals === -1 ? { name } : { name, value: field.slice(equals + 1) };
  });
}

/** The options of one mount, each known to its type and given once. */
class Options {
  readonly #values = new Map<string, string | undefined>();

  constructor(type: Mount['type'], fields: readonly Field[]) {
    for (const { name, value } of fields) {
      if (name === 'type') continue;
      if (!optionsOfType[type].includes(name)) throw unknownOption(name, type);
      if (this.#values.has(name)) throw new MountFault(`${name} is given twice`);
      this.#values.set(name, value);
    }
  }

  text(name: string): string | undefined {
    const value = this.#values.get(name);
    if (value === '' || (value === undefined && this.#values.has(name)))
      throw new MountFault(`${name} has no value`, `write ${name}=value`);
    return value;
  }

  boolean(name: string): boolean {
    if (!this.#values.has(name)) return false;
    const value = this.#values.get(name) ?? 'true';
    if (/^(?:true|1)$/i.test(value)) return true;
    if (/^(?:false|0)$/i.test(value)) return false;
    throw new MountFault(`${name} is true or false, not ${shown(value)}`);
  }

  /** A number in the given base, or what stands in for it. */
  number(name: string, otherwise: number, base: 8 | 10 = 10): number {
    const text = this.text(name);
    if (text === undefined) return otherwise;
    if (!(base === 8 ? /^[0-7]{1,6}$/ : /^[0-9]{1,10}$/).test(text))
      throw new MountFault(
        `${name} is ${base === 8 ? 'an octal' : 'a'} number, not ${shown(text)}`,
      );
    return Number.parseInt(text, base);
  }

  readOnly(otherwise: boolean): boolean {
    if (this.#values.has('readwrite')) return !this.boolean('readwrite');
    return this.#values.has('readonly') ? this.boolean('readonly') : otherwise;
  }

  target(): string {
    const target = this.text('target');
    if (target === undefined) throw new MountFault('target is missing', 'add target=/path');
    return target;
  }

  /** Fields that an option gives only when it is written. */
  optional<K extends string>(option: string, key: K): { readonly [key in K]?: string } {
    const value = this.text(option);
    return value === undefined ? {} : ({ [key]: value } as { readonly [key in K]: string });
  }

  owner(): { readonly uid: number; readonly gid: number } {
    return { uid: this.number('uid', 0), gid: this.number('gid', 0) };
  }
}

function unknownOption(name: string, type: Mount['type']): MountFault {
  const elsewhere = Object.values(optionsOfType).some((options) => options.includes(name));
  const guess = elsewhere ? undefined : nearest(name, optionsOfType[type]);
  return new MountFault(
    `type=${type} has no option ${shown(name)}`,
    guess === undefined
      ? `its options are ${optionsOfType[type].join(', ')}`
      : `did you mean ${guess}?`,
  );
}

function bindMount(options: Options): Mount {
  return {
    type: 'bind',
    target: options.target(),
    source: options.text('source') ?? '/',
    ...options.optional('from', 'from'),
    readOnly: options.readOnly(true),
  };
}

function cacheMount(options: Options): Mount {
  const target = options.target();
  const sharing = options.text('sharing') ?? 'shared';
  if (sharing !== 'shared' && sharing !== 'private' && sharing !== 'locked')
    throw new MountFault(`sharing is shared, private or locked, not ${shown(sharing)}`);
  const from = options.optional('from', 'from');
  if (from.from === undefined && options.text('source') !== undefined)
    throw new MountFault(
      'source is a path in what from names, and from is missing',
      'add from=, or leave source out: a cache begins empty then',
    );
  const isGiven = ['mode', 'uid', 'gid'].some((name) => options.text(name) !== undefined);
  const attributes = { mode: options.number('mode', 0o755, 8), ...options.owner() };
  return {
    type: 'cache',
    target,
    id: options.text('id') ?? target,
    sharing,
    ...from,
    source: options.text('source') ?? '/',
    readOnly: options.readOnly(false),
    ...(from.from === undefined || isGiven ? { attributes } : {}),
  };
}

function tmpfsMount(options: Options): Mount {
  const size = sizeOf(options.text('size'));
  return { type: 'tmpfs', target: options.target(), ...(size === undefined ? {} : { size }) };
}

function sizeOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const match = /^([0-9]{1,12})([kmgt]?)b?$/i.exec(text);
  if (match === null)
    throw new MountFault(`size is a number of bytes such as 64m, not ${shown(text)}`);
  const power = ['', 'k', 'm', 'g', 't'].indexOf((match[2] ?? '').toLowerCase());
  return Number(match[1]) * 1024 ** power;
}

function secretMount(options: Options): Mount {
  const target = options.text('target');
  const id = options.text('id') ?? options.text('source') ?? target?.split('/').at(-1) ?? '';
  if (id === '') throw new MountFault('neither id nor target is given', 'add id=name');
  const variable = options.text('env');
  const file = target ?? (variable === undefined ? `/run/secrets/${id}` : undefined);
  return {
    type: 'secret',
    id,
    ...(file === undefined ? {} : { target: file }),
    ...(variable === undefined ? {} : { variable }),
    required: options.boolean('required'),
    mode: options.number('mode', 0o400, 8),
    ...options.owner(),
  };
}

function sshMount(options: Options): Mount {
  return {
    type: 'ssh',
    id: options.text('id') ?? 'default',
    ...options.optional('target', 'target'),
    required: options.boolean('required'),
    mode: options.number('mode', 0o600, 8),
    ...options.owner(),
  };
}
