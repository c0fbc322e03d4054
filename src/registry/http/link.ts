/** The `Link` header's next page (RFC 8288, as the distribution-spec uses it). */

/** Returns the target of the first link whose relation is `next`. */
export function nextLink(values: readonly string[] | undefined): string | undefined {
  for (const value of values ?? []) {
    for (const [, target, parameters = ''] of value.matchAll(/<([^<>]*)>([^<]*)/g)) {
      if (/;\s*rel\s*=\s*"?[^";,]*\bnext\b/i.test(parameters)) return target;
    }
  }
  return undefined;
}
