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

/** Edits, two letters in the wrong order being one of them; names longer than 64 characters are not compared. */
function distance(a: string, b: string): number {
  if (a.length > 64) return Number.POSITIVE_INFINITY;
  const [from, to] = [a.toLowerCase(), b.toLowerCase()];
  let [before, row]: [number[], number[]] = [
    [],
    Array.from({ length: to.length + 1 }, (_, i) => i),
  ];
  for (let i = 1; i <= from.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= to.length; j += 1) {
      const at = (cells: readonly number[], column: number): number => cells[column] ?? 0;
      const replaced = at(row, j - 1) + (from[i - 1] === to[j - 1] ? 0 : 1);
      const isSwapped = from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      const swapped = isSwapped ? at(before, j - 2) + 1 : replaced;
      next.push(Math.min(replaced, swapped, at(row, j) + 1, at(next, j - 1) + 1));
    }
    [before, row] = [row, next];
  }
  return row.at(-1) ?? 0;
}
