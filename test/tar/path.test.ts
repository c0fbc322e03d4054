import t from 'tap';
import { byteStringOf } from '../../src/model/index.ts';
import { rootedPath, strictPath } from '../../src/tar/index.ts';
import { fc } from '../support/property.ts';
import { attempt } from './support.ts';

const rooted = (name: string) => rootedPath(byteStringOf(name)) as string;

t.test('rooted names are relative and clean', async (t) => {
  const cases: readonly (readonly [string, string])[] = [
    ['a', 'a'],
    ['./a//b/', 'a/b'],
    ['/etc/passwd', 'etc/passwd'],
    ['//a', 'a'],
    ['.', ''],
    ['./', ''],
    ['/', ''],
    ['a/./b', 'a/b'],
    ['a/..', ''],
    ['...', '...'],
    ['..a/.b/c.', '..a/.b/c.'],
    ['a\\..\\b', 'a\\..\\b'],
  ];
  for (const [name, expected] of cases) t.equal(rooted(name), expected, JSON.stringify(name));
});

t.test('T01 CVE-2018-1102 GHSA-49p4-px3h-rq49: names of layers stop at the root', async (t) => {
  for (const name of ['../../../../sentinel', '/../sentinel', 'a/../../sentinel', '..//./sentinel'])
    t.equal(rooted(name), 'sentinel', name);
  t.equal(rooted('..'), '');
});

t.test('T01 names of sources and artifacts that leave their root are refused', async (t) => {
  const names = [
    '../../../../sentinel',
    '/abs/sentinel',
    'a/../../sentinel',
    '..',
    'a/..',
    '/',
    'a/../b',
  ];
  for (const name of names) {
    const error = attempt(() => strictPath(byteStringOf(name), 'archive on stdin'));
    t.equal(error?.code, 'PATH_UNSAFE', name);
    t.equal(error?.exitCode, 3);
    t.ok(error?.message.includes(`"${name}"`), 'names the entry');
  }
});

t.test('T21 a refused name is shown escaped', async (t) => {
  const error = attempt(() => strictPath(byteStringOf('../\x1b[2J\u202e'), 'archive'));
  t.match(error?.message, '"../\\u{1b}[2J\\u{202e}"');
});

t.test('strict names are cleaned like rooted ones', async (t) => {
  t.equal(strictPath(byteStringOf('./a//b/'), 'archive') as string, 'a/b');
  t.equal(strictPath(byteStringOf('./'), 'archive') as string, '');
  t.equal(strictPath(byteStringOf('..a/b..'), 'archive') as string, '..a/b..');
});

t.test(
  'a rooted name has no empty, dot or upward component, and cleaning it again changes nothing',
  async (t) => {
    const component = fc.constantFrom('', '.', '..', 'a', 'b', '...', '.x', 'é');
    fc.assert(
      fc.property(fc.array(component, { maxLength: 8 }), (components) => {
        const once = rooted(components.join('/'));
        t.equal(rootedPath(byteStringOf('').concat(once) as never), once);
        const parts = once === '' ? [] : once.split('/');
        return parts.every((part) => part !== '' && part !== '.' && part !== '..');
      }),
    );
  },
);
