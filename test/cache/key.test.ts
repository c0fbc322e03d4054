import t from 'tap';
import { briefly, changedInputs, formatInputs, parseInputs } from '../../src/cache/explain.ts';
import { type CacheStep, cacheKeyOf, fingerprintOf } from '../../src/cache/key.ts';
import { fc } from '../support/property.ts';

function stepOf(inputs: Readonly<Record<string, string>>, name = 'step'): CacheStep {
  const list = Object.entries(inputs).map(([label, value]) => ({ label, value }));
  return { kind: 'test', name, inputs: list };
}

t.test('a key depends on every input, not on the name of the step', async (t) => {
  const key = cacheKeyOf(stepOf({ a: '1', b: '2' }));
  t.match(key, /^sha256:[0-9a-f]{64}$/);
  t.equal(cacheKeyOf(stepOf({ a: '1', b: '2' }, 'another')), key);
  const others = [{ a: '1' }, { a: '1', b: '' }, { a: '2', b: '1' }, { b: '2', a: '1' }];
  t.equal(new Set([key, ...others.map((inputs) => cacheKeyOf(stepOf(inputs)))]).size, 5);
  t.not(cacheKeyOf({ ...stepOf({ a: '1', b: '2' }), kind: 'other' }), key);
});

t.test('X08 fields cannot be mistaken for one another, whatever they hold', async () => {
  const fields = fc.array(fc.tuple(fc.string(), fc.string()), { maxLength: 4 });
  const step = (pairs: readonly (readonly [string, string])[]): CacheStep => ({
    kind: 'test',
    name: '',
    inputs: pairs.map(([label, value]) => ({ label, value })),
  });
  fc.assert(
    fc.property(fields, fields, (one, two) => {
      const isSame = JSON.stringify(one) === JSON.stringify(two);
      return (cacheKeyOf(step(one)) === cacheKeyOf(step(two))) === isSame;
    }),
  );
});

t.test('what changed is told by the labels of inputs', async (t) => {
  const before = parseInputs(formatInputs(stepOf({ a: '1', b: '2', gone: 'x' })));
  if (before === undefined) throw new Error('what was written cannot be read');
  const changes = changedInputs(stepOf({ a: '1', b: '3', fresh: 'y' }), before);
  t.same(changes, ['b changed', 'fresh is new', 'gone is gone']);
  t.equal(briefly(changes, 2), 'b changed, fresh is new and 1 more');
  t.equal(briefly(['one']), 'one');
  t.equal(parseInputs({ not: 'a list' }), undefined);
});

t.test('a fingerprint says nothing without the step that it belongs to', async (t) => {
  const input = { label: 'environment TOKEN', value: 'secret' };
  t.not(fingerprintOf({ name: 'one' }, input), fingerprintOf({ name: 'two' }, input));
  t.notMatch(JSON.stringify(formatInputs(stepOf({ TOKEN: 'secret' }))), /secret/);
});
