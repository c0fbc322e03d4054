/**
 * Short names: what users type without a registry. An alias of `registries.conf` says what one stands for;
 * any other means Docker Hub. Search lists are not followed: what is pulled would depend on who answers first.
 */

import type { RegistriesConfig } from './types.ts';

/** Replaces a short name that has an alias; the tag and digest that were typed stay. Other texts are returned as they are. */
export function expandShortName(text: string, { aliases }: RegistriesConfig): string {
  const [, name = '', rest = ''] =
    /^([a-z0-9][a-z0-9._/-]*)((?::[^:/@]+)?(?:@.+)?)$/.exec(text) ?? [];
  const [first = '', ...others] = name.split('/');
  const namesRegistry = others.length > 0 && (first.includes('.') || first === 'localhost');
  const target = !namesRegistry && Object.hasOwn(aliases, name) ? aliases[name] : undefined;
  return target === undefined ? text : `${target}${rest}`;
}
