/** What a `registries.conf` says, as values (containers-registries.conf(5)). */

/** Another place to pull from. */
export interface Mirror {
  /** Host, optionally with a path. */
  readonly location: string;
  readonly insecure: boolean;
  readonly pullFrom: 'all' | 'digest-only' | 'tag-only';
}

/** What holds for all references below a prefix. */
export interface RegistryRule {
  /** A host, a host with path, one image by its tag or digest, or `*.domain`. */
  readonly prefix: string;
  /** What the prefix is replaced by when images are read; without tag and digest. */
  readonly location: string;
  readonly insecure: boolean;
  readonly blocked: boolean;
  readonly mirrors: readonly Mirror[];
}

/** What to do where several registries may have what a short name means. */
export type ShortNameMode = 'enforcing' | 'permissive' | 'disabled';

/** Rules, short names and search registries. */
export interface RegistriesConfig {
  readonly rules: readonly RegistryRule[];
  /** Short name to full repository name; an empty one takes back what an earlier file said. */
  readonly aliases: Readonly<Record<string, string>>;
  readonly searchRegistries: readonly string[];
  /** Absent where no file says it, which counts as `enforcing`. */
  readonly shortNameMode?: ShortNameMode;
}
