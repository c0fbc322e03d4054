import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { divideEnvironment, withLateVariables } from '../../../src/runtime/sandbox/environment.ts';
import { fc } from '../../support/property.ts';

t.test('names that act on loaders and shells are left to the image', async (t) => {
  const names = [
    'LD_PRELOAD',
    'LD_LIBRARY_PATH',
    'GLIBC_TUNABLES',
    'BASH_ENV',
    'ENV',
    'IFS',
    'PS4',
    'SHELLOPTS',
    'BASH_FUNC_x%%',
    'ODD.NAME',
    '1A',
    'UID',
  ];
  const { exports, late } = divideEnvironment(names.map((name) => `${name}=x`));
  t.equal(exports, '');
  t.same(
    late,
    names.map((name) => `${name}=x`),
  );
});

t.test('the last value of a name wins, and what has no name is dropped', async (t) => {
  t.same(divideEnvironment(['A=1', '=x', 'none', 'A=2=3']), {
    exports: "export A='2=3'\n",
    late: [],
  });
});

t.test('every value survives the shell, and nothing in it is executed', async (t) => {
  const value = fc.string({ unit: 'binary' }).filter((text) => !text.includes('\0'));
  fc.assert(
    fc.property(value, (text) => {
      const wellFormed = Buffer.from(text).toString();
      const { exports } = divideEnvironment([`VALUE=${wellFormed}`]);
      const script = `${exports}printf %s "$VALUE"`;
      return execFileSync('sh', ['-c', script], { encoding: 'utf8' }) === wellFormed;
    }),
    { numRuns: 40, examples: [["'; touch /tmp/evil; '"], ['$(id)`id`\\'], ['\n\n'], ["''"]] },
  );
  t.pass();
});

t.test('late variables need a program env in the image', async (t) => {
  const rootfs = mkdtempSync(join(tmpdir(), 's2oci-env-'));
  t.teardown(() => rmSync(rootfs, { recursive: true }));
  t.same(withLateVariables(rootfs, [], ['cmd']), ['cmd']);
  t.match(withLateVariables(rootfs, ['LD_X=1', 'A.B=2'], ['cmd']), /LD_X, A\.B/);
  mkdirSync(join(rootfs, 'usr/bin'), { recursive: true });
  writeFileSync(join(rootfs, 'busybox'), '');
  symlinkSync('/busybox', join(rootfs, 'usr/bin/env'));
  t.same(withLateVariables(rootfs, ['LD_X=1'], ['cmd', 'x']), [
    '/usr/bin/env',
    'LD_X=1',
    'cmd',
    'x',
  ]);
});
