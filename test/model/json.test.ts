/** Strict JSON: whatever is accepted means the same to every reader. */

import t from 'tap';
import { parseJsonObject } from '../../src/model/index.ts';
import { fc } from '../support/property.ts';

const parse = (text: string | Uint8Array) => parseJsonObject(text, 'it', 'MANIFEST_INVALID');
const refused = { code: 'MANIFEST_INVALID' };

t.test('agrees with JSON.parse on what JSON.stringify writes', async (t) => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 5 })), (value) => {
      const text = JSON.stringify(value);
      let parsed: unknown;
      try {
        parsed = parse(text);
      } catch {
        return /only in letter case|no plain integer/.test(String(refusalOf(text)));
      }
      return JSON.stringify(parsed) === JSON.stringify(JSON.parse(text));
    }),
    { numRuns: 2000 },
  );
  t.pass();
});

t.test('never accepts what JSON.parse refuses', async (t) => {
  const piece = fc.constantFrom(
    ...'{}[]",:0-+.eEtrufalsn\\ \n\u0000\u00a0'.split(''),
    '"a"',
    'null',
    '1',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
      const text = `{"a":${pieces.join('')}}`;
      let ours = true;
      try {
        parse(text);
      } catch {
        ours = false;
      }
      if (!ours) return true;
      JSON.parse(text);
      return true;
    }),
    { numRuns: 5000 },
  );
  t.pass();
});

const hostile: Readonly<Record<string, string | Uint8Array>> = {
  'a key twice': '{"a":1,"a":2}',
  'a key twice by escapes': '{"a":1,"\\u0061":2}',
  'a key in two cases': '{"digest":"a","Digest":"b"}',
  'a key in two cases, deep': '{"x":[{"size":1,"SIZE":2}]}',
  'a label twice': '{"Labels":{"a":"1","a":"2"}}',
  'text after the end': '{} {}',
  'a list': '[]',
  'a string': '"{}"',
  nothing: '',
  'a comma too many': '{"a":1,}',
  'a comment': '{/**/}',
  'single quotes': "{'a':1}",
  NaN: '{"a":NaN}',
  'leading zeros': '{"a":01}',
  'a raw control character': '{"a":"\n"}',
  'a size of 1e3': '{"size":1e3}',
  'a size of 1.0': '{"size":1.0}',
  'a byte order mark': Buffer.from('\uFEFF{}'),
  'invalid UTF-8': Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]),
  'a hundred thousand levels': `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`,
  'a hundred thousand lists': `{"a":${'['.repeat(100_000)}`,
};

for (const [name, text] of Object.entries(hostile)) {
  t.test(`refused: ${name}`, async (t) => {
    t.throws(() => parse(text), refused);
  });
}

t.test('labels may differ in letter case alone, fields may not', async (t) => {
  t.same(parse('{"config":{"Labels":{"version":"1","Version":"2"}}}'), {
    config: { Labels: { version: '1', Version: '2' } },
  });
  t.same(parse('{"annotations":{"a":"1","A":"2"}}'), { annotations: { a: '1', A: '2' } });
});

t.test('__proto__ and its like are keys as any other', async (t) => {
  const parsed = parse('{"__proto__":{"a":1},"constructor":2,"Labels":{"__proto__":"x"}}');
  t.same(Object.keys(parsed), ['__proto__', 'constructor', 'Labels']);
  t.equal(Object.getPrototypeOf(parsed), null);
  t.same(JSON.stringify(parsed['Labels']), '{"__proto__":"x"}');
});

t.test('time is linear in the size', async (t) => {
  const text = `{"a":[${'{"b":"c"},'.repeat(200_000)}1]}`;
  const before = performance.now();
  parse(text);
  t.ok(performance.now() - before < 5000);
});

function refusalOf(text: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    return (error as Error).message;
  }
}
