/** All checks, in the order in which they are reported. */

import { architectureCheck } from './architecture.ts';
import type { Check } from './check.ts';
import { dependenciesCheck } from './dependencies.ts';
import { documentationCheck } from './documentation.ts';
import { globalsCheck } from './globals.ts';
import { leaksCheck } from './leaks.ts';
import { regexpsCheck } from './regexps.ts';
import { sizesCheck } from './sizes.ts';
import { startupCheck } from './startup.ts';
import { styleCheck, typesCheck } from './tools.ts';

/** Every check of `npm run check`. */
export const checks: readonly Check[] = [
  typesCheck,
  styleCheck,
  architectureCheck,
  startupCheck,
  documentationCheck,
  sizesCheck,
  globalsCheck,
  regexpsCheck,
  dependenciesCheck,
  leaksCheck,
];
