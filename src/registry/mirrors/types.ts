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
  /** A host, a host with path, or `*.domain`. */
  readonly prefix: string;
  /** What the prefix is replaced by when requests are made. */
  readonly location: string;
  readonly insecure: boolean;
  readonly blocked: boolean;
  readonly mirrors: readonly Mirror[];
}

/** Rules, short names and search registries. */
export interface RegistriesConfig {
  readonly rules: readonly RegistryRule[];
  /** Short name to full repository name. */
  readonly aliases: Readonly<Record<string, string>>;
  readonly searchRegistries: readonly string[];
}
