/**
 * The settings that exist, one row each. A key is the name in the config file and of the flag's value; its
 * environment variable is `S2OCI_` and the key in capitals (`minIsolation`: `S2OCI_MIN_ISOLATION`).
 */

import { choice, flag, integer, type Kind, path, text, textList } from './kinds.ts';
import { dataDirectory, type Places } from './places.ts';

/** One setting. */
export interface Setting<T> {
  readonly kind: Kind<T>;
  readonly description: string;
  /** The value where nobody says otherwise; undefined leaves the decision to the part that needs it. */
  readonly fallback: (places: Places) => T | undefined;
  /** Variables of other conventions, and what they say when they are set and not empty. */
  readonly conventions?: Readonly<Record<string, (value: string) => T>>;
}

/** A setting that has a value in the end, whoever gives it. */
interface Defaulted<T> extends Setting<T> {
  readonly fallback: (places: Places) => T;
}

/** All settings. */
export const settings = {
  home: { kind: path, fallback: dataDirectory, description: 'directory of the local store' },
  progress: withDefault(
    choice(['auto', 'tty', 'plain', 'jsonl', 'github', 'gitlab']),
    'auto',
    'how progress is shown',
  ),
  color: {
    ...withDefault(choice(['auto', 'always', 'never']), 'auto', 'whether output is coloured'),
    conventions: {
      NO_COLOR: () => 'never',
      FORCE_COLOR: (value) => (value === '0' || value === 'false' ? 'never' : 'always'),
    },
  },
  quiet: withDefault(flag, false, 'show only the result and errors'),
  verbose: withDefault(flag, false, 'tell more'),
  executor: withoutDefault(
    choice(['crun', 'runc', 'bwrap', 'unshare', 'podman', 'chroot', 'in-builder']),
    'what runs the scripts of a build',
  ),
  minIsolation: withoutDefault(
    choice(['A', 'B', 'C', 'D', 'F']),
    'fail rather than run scripts with less isolation',
  ),
  storage: withDefault(
    choice(['auto', 'overlay', 'copy']),
    'auto',
    'how changes are kept apart from the builder image',
  ),
  network: withDefault(
    choice(['host', 'none', 'slirp4netns', 'pasta']),
    'host',
    'network of the scripts of a build',
  ),
  timeout: withoutDefault(integer(1, 1_000_000), 'seconds after which assemble is ended'),
  compression: withDefault(choice(['gzip', 'zstd', 'none']), 'gzip', 'compression of new layers'),
  compressionLevel: withoutDefault(integer(1, 22), 'compression level of new layers'),
  timestamps: withDefault(
    choice(['clamp', 'preserve']),
    'clamp',
    'what becomes of file times in new layers',
  ),
  platform: withoutDefault(text, 'platform to take from a multi-platform image'),
  caBundle: withoutDefault(
    path,
    'certificate authorities that scripts of a build trust in addition',
  ),
  insecureRegistry: withDefault(
    textList,
    [],
    'registries that may be plain http or have an untrusted certificate',
  ),
  tokenServer: withDefault(
    textList,
    [],
    'token servers that may be told passwords, as registry=host, where their domains differ',
  ),
  authfile: withoutDefault(path, 'file with registry credentials'),
} satisfies Readonly<Record<string, Setting<never> | Setting<unknown>>>;

/** The name of a setting. */
export type SettingName = keyof typeof settings;

/** The values of all settings. */
export type Settings = {
  readonly [K in SettingName]: (typeof settings)[K] extends Defaulted<infer T>
    ? T
    : (typeof settings)[K] extends Setting<infer T>
      ? T | undefined
      : never;
};

/** All names, in the order in which they are shown. */
export const settingNames = Object.keys(settings) as readonly SettingName[];

/** The environment variable of a setting. */
export function environmentName(name: SettingName): string {
  return `S2OCI_${name.replace(/[A-Z]/g, (capital) => `_${capital}`).toUpperCase()}`;
}

function withDefault<T>(kind: Kind<T>, fallback: NoInfer<T>, description: string): Defaulted<T> {
  return { kind, fallback: () => fallback, description };
}

function withoutDefault<T>(kind: Kind<T>, description: string): Setting<T> {
  return { kind, description, fallback: () => undefined };
}
