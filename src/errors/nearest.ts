/** Guesses what a mistyped name was meant to be. */

/** Returns the candidate at the smallest edit distance, when it is at most a third of the name. */
export function nearest(name: string, candidates: readonly string[]): string | undefined {
  const measured = candidates.map((candidate) => ({
    candidate,
    distance: distance(name, candidate),
  }));
  const best = measured.toSorted((a, b) => a.distance - b.distance)[0];
  return best !== undefined && best.distance <= name.length / 3 ? best.candidate : undefined;
}

/** Levenshtein distance, without regard to case; names longer than 64 characters are not compared. */
function distance(a: string, b: string): number {
  if (a.length > 64) return Number.POSITIVE_INFINITY;
  const [from, to] = [a.toLowerCase(), b.toLowerCase()];
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [i, character] of [...from].entries()) {
    const next = [i + 1];
    for (const [j, other] of [...to].entries()) {
      const replaced = (row[j] ?? 0) + (character === other ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
