/** Item 55: the challenges that registries send, well-formed and otherwise. */

import t from 'tap';
import { parseChallenges } from '../../../src/registry/auth/challenge.ts';
import { fc } from '../../support/property.ts';

type Expected = readonly (readonly [string, Readonly<Record<string, string>>])[];

const realm = 'https://auth.example.com/token';
const corpus: Readonly<Record<string, readonly [readonly string[], Expected]>> = {
  'item 55: the usual Bearer': [
    [`Bearer realm="${realm}",service="registry",scope="repository:a/b:pull,push"`],
    [['bearer', { realm, service: 'registry', scope: 'repository:a/b:pull,push' }]],
  ],
  'item 55: no service and no scope': [[`Bearer realm="${realm}"`], [['bearer', { realm }]]],
  'item 55: odd case and order': [
    [`bEaReR SERVICE=registry , Realm="${realm}"`],
    [['bearer', { service: 'registry', realm }]],
  ],
  'item 55: single quotes': [
    [`Bearer realm='${realm}',service='a,b'`],
    [['bearer', { realm, service: 'a,b' }]],
  ],
  'item 55: several headers': [
    ['Negotiate', 'Basic realm="x"', `Bearer realm="${realm}"`],
    [
      ['negotiate', {}],
      ['basic', { realm: 'x' }],
      ['bearer', { realm }],
    ],
  ],
  'item 55: several challenges in one header': [
    [`Negotiate, NTLM abc==, Basic realm="x, y", Bearer realm="${realm}",service="s"`],
    [
      ['negotiate', {}],
      ['ntlm', { abc: '' }],
      ['basic', { realm: 'x, y' }],
      ['bearer', { realm, service: 's' }],
    ],
  ],
  'item 55: escapes in quotes': [
    ['Basic realm="a \\"b\\" \\\\"'],
    [['basic', { realm: 'a "b" \\' }]],
  ],
  'item 55: spaces around the equals sign': [
    [`Bearer realm = "${realm}" , service = "s"`],
    [['bearer', { realm, service: 's' }]],
  ],
  'item 55: an error beside the scope': [
    [`Bearer realm="${realm}",error="insufficient_scope",scope="a:b:c"`],
    [['bearer', { realm, error: 'insufficient_scope', scope: 'a:b:c' }]],
  ],
  'item 55: the first of two values counts': [
    ['Basic realm="a",realm="b"'],
    [['basic', { realm: 'a' }]],
  ],
  'item 55: an open quote': [['Basic realm="abc'], [['basic', { realm: 'abc' }]]],
  'item 55: empty': [['', ' , ,'], []],
  'item 55: no challenge but parameters': [['realm="x"'], []],
};

for (const [name, [headers, expected]] of Object.entries(corpus)) {
  t.test(name, async (t) => {
    const found = parseChallenges(headers);
    t.same(
      found.map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]),
      expected,
    );
  });
}

t.test('item 55: no header at all', async (t) => {
  t.same(parseChallenges(undefined), []);
});

t.test('item 55: any text is read in time and without failing', async (t) => {
  const alphabet = fc.constantFrom(...'Basic,="\'\\ \t;:/x'.split(''));
  fc.assert(
    fc.property(fc.string({ unit: alphabet, maxLength: 300 }), (text) => {
      parseChallenges([text]);
    }),
    { numRuns: 2000 },
  );
  const before = performance.now();
  for (const piece of ['=', '"', 'a=', 'a ', ',', "'\\"]) parseChallenges([piece.repeat(100_000)]);
  t.ok(performance.now() - before < 1000);
});

t.test('item 55: quoted values come back as they were', async (t) => {
  fc.assert(
    fc.property(fc.string({ maxLength: 100 }), (value) => {
      const quoted = value.replace(/["\\]/g, '\\$&');
      const [challenge] = parseChallenges([`Bearer realm="${quoted}",service="s"`]);
      return (
        challenge?.parameters.get('realm') === value && challenge.parameters.get('service') === 's'
      );
    }),
  );
  t.pass();
});
