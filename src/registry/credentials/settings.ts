/**
 * Where credentials may be, as values; and the usual places by environment.
 */

/** Where to look for credentials. */
export interface CredentialSettings {
  /** The one file to use, `--authfile` or `REGISTRY_AUTH_FILE`; other files are still asked after it. */
  readonly authFile?: string;
  /** The content of `DOCKER_AUTH_CONFIG`. */
  readonly inline?: string;
  /** `$XDG_RUNTIME_DIR/containers/auth.json` or `/run/containers/UID/auth.json`. */
  readonly runtimeFile?: string;
  /** `$XDG_CONFIG_HOME/containers/auth.json`. */
  readonly configFile?: string;
  /** `$DOCKER_CONFIG` or `~/.docker`. */
  readonly dockerDirectory?: string;
  /** `~/.dockercfg`. */
  readonly legacyFile?: string;
  /** The environment of credential helpers; its PATH says where they are. */
  readonly helperEnvironment: Readonly<Record<string, string | undefined>>;
  /** How long a helper may take, in milliseconds. */
  readonly helperTimeoutMs: number;
}

/** Derives the usual places from an environment. */
export function credentialSettings(
  environment: Readonly<Record<string, string | undefined>>,
  user: { readonly home: string; readonly uid: number },
): CredentialSettings {
  const { home, uid } = user;
  const given = (name: string): string | undefined => environment[name] || undefined;
  const runtime = given('XDG_RUNTIME_DIR');
  const authFile = given('REGISTRY_AUTH_FILE');
  const inline = given('DOCKER_AUTH_CONFIG');
  return {
    ...(authFile === undefined ? {} : { authFile }),
    ...(inline === undefined ? {} : { inline }),
    runtimeFile: `${runtime ?? `/run/containers/${uid}`}${runtime === undefined ? '' : '/containers'}/auth.json`,
    configFile: `${given('XDG_CONFIG_HOME') ?? `${home}/.config`}/containers/auth.json`,
    dockerDirectory: given('DOCKER_CONFIG') ?? `${home}/.docker`,
    legacyFile: `${home}/.dockercfg`,
    helperEnvironment: environment,
    helperTimeoutMs: 10_000,
  };
}
