/** Credentials as values. */

/** What proves to a registry who we are. `origin` says where it came from, for messages. */
export type Credential =
  | {
      readonly kind: 'basic';
      readonly username: string;
      readonly password: string;
      readonly origin: string;
    }
  | {
      readonly kind: 'identity';
      /** A refresh token to be exchanged at the token server. */
      readonly token: string;
      readonly username?: string;
      readonly origin: string;
    }
  | {
      readonly kind: 'bearer';
      /** Sent to the registry as it is. */
      readonly token: string;
      readonly origin: string;
    };

/** Knows credentials. */
export interface CredentialProvider {
  /**
   * Returns the credential for a repository, or undefined for anonymous access.
   *
   * @param registry as in references: `docker.io`, `host:port`
   * @throws BuildError `CREDENTIALS_INVALID` when a configured source fails; never falls back to another registry's
   */
  find(registry: string, repository: string): Promise<Credential | undefined>;
}

/** Knows no credentials. */
export const anonymous: CredentialProvider = { find: async () => undefined };
