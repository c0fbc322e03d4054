/** The package as users get it: the right files, a program that starts, types that a consumer can use. */

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';

const root = join(import.meta.dirname, '../..');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const consumer = t.testdir({
  'package.json': '{"type":"module"}',
  'tsconfig.json': JSON.stringify({
    compilerOptions: {
      module: 'nodenext',
      strict: true,
      types: ['node'],
      lib: ['esnext'],
      noEmit: true,
    },
    include: ['good.ts'],
  }),
  'good.ts': `import { BuildError, parseReference, type Reference } from 's2oci';
const reference: Reference = parseReference('alpine:3');
try { parseReference('UPPER'); } catch (error) { if (!(error instanceof BuildError)) throw error; }
console.log(reference.repository);`,
  'bad.ts': `import { parseReference } from 's2oci';\nexport const wrong: number = parseReference('a').registry;`,
  node_modules: {},
});
const installed = join(consumer, 'node_modules/s2oci');

t.before(() => {
  if (!existsSync(join(root, 'dist/cli/main.js'))) throw new Error('run `npm run build` first');
  const args = ['pack', '--ignore-scripts', '--silent', '--pack-destination', consumer];
  const file = execFileSync('npm', args, { cwd: root, encoding: 'utf8' }).trim();
  execFileSync('tar', ['-xzf', join(consumer, file), '-C', consumer]);
  renameSync(join(consumer, 'package'), installed);
  const needed = [...Object.keys(manifest.dependencies), '@types', 'undici-types', 'typescript'];
  mkdirSync(join(consumer, 'node_modules'), { recursive: true });
  for (const name of needed) {
    symlinkSync(join(root, 'node_modules', name), join(consumer, 'node_modules', name));
  }
});

t.test('it holds the program, the library and the papers, and nothing else', async (t) => {
  t.strictSame(readdirSync(installed).toSorted(), [
    'CHANGELOG.md',
    'LICENSE',
    'README.md',
    'SECURITY.md',
    'dist',
    'package.json',
  ]);
  const files = readdirSync(join(installed, 'dist'), { recursive: true, encoding: 'utf8' });
  t.strictSame(
    files.filter((path) => /\.map$|tsbuildinfo|(?<!\.d)\.ts$|\.test\./.test(path)),
    [],
  );
  const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => path.replace(/\.ts$/, '.js'));
  t.strictSame(
    sources.filter((path) => !files.includes(path)),
    [],
    'every source is compiled',
  );
});

t.test('the program starts', async (t) => {
  const program = join(installed, manifest.bin.s2oci);
  const { status, stdout } = spawnSync(program, ['version'], { encoding: 'utf8' });
  t.equal(status, 0);
  t.match(stdout, `s2oci ${manifest.version}`);
});

t.test('an old Node gets a sentence instead of a syntax error', async (t) => {
  const [major = 0] = manifest.engines.node.match(/\d+/)?.map(Number) ?? [];
  const source = readFileSync(join(installed, 'dist/cli/main.js'), 'utf8');
  t.match(source, new RegExp(`\\[${major}, 20\\]`), 'the minimum is that of package.json');
  t.notMatch(source, /^import /m, 'nothing modern is loaded before the version is known');
});

t.test('the library works from JavaScript and TypeScript', { timeout: 120_000 }, async (t) => {
  const { stdout } = spawnSync(process.execPath, ['good.ts'], { cwd: consumer, encoding: 'utf8' });
  t.equal(stdout, 'library/alpine\n');
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const check = (...args: string[]) =>
    spawnSync(process.execPath, [tsc, ...args], { cwd: consumer, encoding: 'utf8' }).stdout;
  t.equal(check('-p', '.'), '');
  const flags = ['--module', 'nodenext', '--strict', '--noEmit', '--skipLibCheck'];
  t.match(check(...flags, 'bad.ts'), /bad\.ts\(2,14\): error TS2322/);
});
