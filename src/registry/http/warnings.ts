/** `Warning: 299 - "text"` headers (distribution-spec, "Warnings"): told to the user, never acted on. */

const maxWarning = 4096;

/** Returns the texts of all warnings with code 299 and unknown agent. */
export function parseWarnings(values: readonly string[] | undefined): readonly string[] {
  return (values ?? []).flatMap((value) =>
    [...value.slice(0, maxWarning).matchAll(/(?:^|,)\s*299\s+\S+\s+"((?:[^"\\]|\\.)*)"/g)].map(
      ([, text = '']) => text.replace(/\\(.)/g, '$1'),
    ),
  );
}
