/** What a mistyped name was meant to be. */

import t from 'tap';
import { nearest } from '../../src/errors/index.ts';

t.test('guesses', async (t) => {
  const names = ['COPY', 'CMD', 'ENTRYPOINT', 'EXPOSE', 'RUN', '__proto__'];
  const cases: readonly (readonly [name: string, guess: string | undefined])[] = [
    ['CPOY', 'COPY'],
    ['copyy', 'COPY'],
    ['ENTRYPIONT', 'ENTRYPOINT'],
    ['EXPSE', 'EXPOSE'],
    ['RNU', 'RUN'],
    ['EXPOSE', 'EXPOSE'],
    ['XYZZY', undefined],
    ['', undefined],
    ['A', undefined],
    ['C'.repeat(1000), undefined],
  ];
  for (const [name, guess] of cases) t.equal(nearest(name, names), guess, name.slice(0, 20));
  t.equal(nearest('a', []), undefined);
});
