/**
 * Short names: what users type without a registry when they want an image read (containers-registries.conf(5),
 * "Short-Name Aliasing"). An alias says what one stands for, else the search registries; where no file says
 * anything it means Docker Hub.
 */

import { BuildError } from '../../errors/index.ts';
import type { RegistriesConfig } from './types.ts';

/**
 * Returns the full names that a short name may stand for, in the order they are asked; the tag and digest that
 * were typed stay. Any other text is returned as it is.
 *
 * @throws BuildError `REFERENCE_INVALID` where several registries are searched and the mode is `enforcing`,
 * as it is where no file says otherwise: what is pulled is run, so nobody guesses
 */
export function expandShortName(
  text: string,
  { aliases, searchRegistries, shortNameMode = 'enforcing' }: RegistriesConfig,
): readonly string[] {
  const [, name = '', rest = ''] =
    /^([a-z0-9][a-z0-9._/-]*)((?::[^:/@]+)?(?:@.+)?)$/.exec(text) ?? [];
  const [first = '', ...others] = name.split('/');
  const namesRegistry = others.length > 0 && (first.includes('.') || first === 'localhost');
  if (name === '' || namesRegistry) return [text];
  const alias = Object.hasOwn(aliases, name) ? aliases[name] : undefined;
  if (alias) return [`${alias}${rest}`];
  const found = searchRegistries.map((registry) => `${registry}/${text}`);
  if (found.length > 1 && shortNameMode === 'enforcing')
    throw new BuildError(
      'REFERENCE_INVALID',
      `${text} is a short name, and several registries may have it: ${found.join(', ')}`,
      {
        suggestion:
          'write the whole name, or give it an alias in registries.conf; short-name-mode = "permissive" asks them in turn',
      },
    );
  return found.length === 0 ? [text] : found;
}
