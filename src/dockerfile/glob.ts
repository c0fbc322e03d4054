/**
 * Patterns in variable expansion: `*` is any text, `?` any character, the escape character takes the next one as it
 * is. Matching follows all possibilities at once, so it never backtracks; a budget bounds the work of one word.
 */

import { ExpansionFault } from './expansion-fault.ts';

/** The work that the patterns of one word may cost. */
export class GlobBudget {
  #left = 16 * 1024 * 1024;

  /** @throws ExpansionFault when it is used up */
  spend(steps: number): void {
    this.#left -= steps;
    if (this.#left < 0) throw new ExpansionFault('its patterns take too long to match');
  }
}

type Token = { readonly any: 'text' | 'character' } | { readonly literal: string };

/** How the beginning or the end of a value is held against a pattern. */
export interface Trimming {
  readonly pattern: string;
  readonly end: 'beginning' | 'end';
  readonly longest: boolean;
  readonly escapeCharacter: string;
}

/** Returns the value without the beginning or the end that matches; the whole value when none does. */
export function trimMatch(value: string, how: Trimming, budget: GlobBudget): string {
  const tokens = tokensOf(how.pattern, how.escapeCharacter);
  const characters = [...value];
  if (how.end === 'beginning') {
    const match = matchFrom(tokens, characters, 0, how.longest, budget);
    return value.slice(match?.units ?? 0);
  }
  const match = matchFrom(tokens.toReversed(), characters.toReversed(), 0, how.longest, budget);
  return value.slice(0, value.length - (match?.units ?? 0));
}

/** What stands in a value for what matches a pattern. */
export interface Replacement {
  readonly pattern: string;
  readonly replacement: string;
  /** All matches rather than the first one. */
  readonly all: boolean;
  readonly escapeCharacter: string;
}

/** Replaces the longest match at each place, from left to right; an empty pattern matches nothing. */
export function replaceMatches(
  value: string,
  { pattern, replacement, all, escapeCharacter }: Replacement,
  budget: GlobBudget,
): string {
  const tokens = tokensOf(pattern, escapeCharacter);
  const characters = [...value];
  const parts: string[] = [];
  let at = 0;
  let open = tokens.length > 0;
  while (at < characters.length) {
    const match = open ? matchFrom(tokens, characters, at, true, budget) : undefined;
    if (match !== undefined && match.characters > 0) {
      parts.push(replacement);
      at += match.characters;
      open = all;
      continue;
    }
    parts.push(characters[at] ?? '');
    at += 1;
  }
  return parts.join('');
}

function tokensOf(pattern: string, escapeCharacter: string): readonly Token[] {
  const tokens: Token[] = [];
  let escaped = false;
  for (const character of pattern) {
    if (escaped) tokens.push({ literal: character });
    else if (character === '*') tokens.push({ any: 'text' });
    else if (character === '?') tokens.push({ any: 'character' });
    else if (character !== escapeCharacter) tokens.push({ literal: character });
    escaped = !escaped && character === escapeCharacter;
  }
  return tokens;
}

interface Match {
  readonly characters: number;
  /** UTF-16 units, which strings are cut by. */
  readonly units: number;
}

/** Follows the set of places in the pattern that can be reached, character by character. */
function matchFrom(
  tokens: readonly Token[],
  characters: readonly string[],
  from: number,
  longest: boolean,
  budget: GlobBudget,
): Match | undefined {
  let places = closure(tokens, [0]);
  let best: Match | undefined = places.includes(tokens.length)
    ? { characters: 0, units: 0 }
    : undefined;
  let units = 0;
  for (let at = from; at < characters.length && places.length > 0; at += 1) {
    if (best !== undefined && !longest) return best;
    const character = characters[at] ?? '';
    budget.spend(places.length + 1);
    places = closure(
      tokens,
      places.flatMap((place) => step(tokens[place], place, character)),
    );
    units += character.length;
    if (places.includes(tokens.length)) best = { characters: at - from + 1, units };
  }
  return best;
}

function step(token: Token | undefined, place: number, character: string): readonly number[] {
  if (token === undefined) return [];
  if ('literal' in token) return token.literal === character ? [place + 1] : [];
  return token.any === 'text' ? [place] : [place + 1];
}

/** Adds the places that are reached without a character: behind each `*`. Places are in ascending order. */
function closure(tokens: readonly Token[], places: readonly number[]): readonly number[] {
  const reached: number[] = [];
  for (const first of places) {
    if (first <= (reached.at(-1) ?? -1)) continue;
    reached.push(first);
    for (let place = first; isStar(tokens[place]); place += 1) reached.push(place + 1);
  }
  return reached;
}

function isStar(token: Token | undefined): boolean {
  return token !== undefined && 'any' in token && token.any === 'text';
}
