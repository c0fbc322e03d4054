/**
 * Scopes of the token protocol, `type:name:action,action`, as normalised sets.
 */

/** What may be done with a repository. */
export type Action = 'pull' | 'push' | 'delete';

/** Writes the scope of a repository. */
export function repositoryScope(repository: string, ...actions: readonly Action[]): string {
  return `repository:${repository}:${actions.join(',')}`;
}

/**
 * Merges scopes: one per resource, actions united. The first scope stays first, because some registries
 * read only that one; a registry that reads only the last is served by asking again for the first alone.
 */
export function mergeScopes(...lists: readonly (readonly string[])[]): readonly string[] {
  const merged = new Map<string, Set<string>>();
  for (const scope of lists.flat()) {
    const { resource, actions } = splitScope(scope);
    const known = merged.get(resource) ?? new Set<string>();
    for (const action of actions) known.add(action);
    merged.set(resource, known);
  }
  return [...merged].map(
    ([resource, actions]) => `${resource}:${[...actions].toSorted().join(',')}`,
  );
}

/** Reads the `scope` of a challenge: scopes separated by spaces. */
export function parseScopes(text: string | undefined): readonly string[] {
  return (text ?? '').split(' ').filter((scope) => scope.includes(':'));
}

/** Tells whether a token for one set of scopes serves for another. Both sets are merged ones. */
export function covers(granted: readonly string[], wanted: readonly string[]): boolean {
  return wanted.every((want) => {
    const { resource, actions } = splitScope(want);
    return granted.some((grant) => {
      const held = splitScope(grant);
      return held.resource === resource && actions.every((action) => held.actions.includes(action));
    });
  });
}

function splitScope(scope: string): { resource: string; actions: readonly string[] } {
  const colon = scope.lastIndexOf(':');
  return {
    resource: scope.slice(0, colon),
    actions: scope
      .slice(colon + 1)
      .split(',')
      .filter((action) => action !== ''),
  };
}
