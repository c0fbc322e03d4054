/** Secrets are found and blotted out wherever they lie in a stream, and in every form they take. */

import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import t from 'tap';
import { secretPatterns } from '../../src/agent/secrets/patterns.ts';
import { SecretRedactor } from '../../src/agent/secrets/redact.ts';
import { refuseSecrets, SecretSearch } from '../../src/agent/secrets/scan.ts';
import { fc } from '../support/property.ts';

const value = 's3cr"t/päss+word?';
const patterns = secretPatterns([{ id: 'one', value: Buffer.from(`${value}\n`) }]);

function pieces(bytes: Buffer, sizes: readonly number[]): readonly Buffer[] {
  const parts: Buffer[] = [];
  let at = 0;
  for (const size of sizes) {
    parts.push(bytes.subarray(at, at + size));
    at += size;
  }
  return [...parts, bytes.subarray(at)];
}

function redacted(parts: readonly Buffer[]): string {
  const redactor = new SecretRedactor(patterns);
  return Buffer.concat([...parts.map((part) => redactor.push(part)), redactor.end()]).toString();
}

function found(parts: readonly Buffer[]): boolean {
  const search = new SecretSearch(patterns);
  return parts.map((part) => search.find(part)).includes('one');
}

const surroundings = fc.string({
  unit: fc.constantFrom('s', '3', 'c', 'r', '"', 'x'),
  maxLength: 40,
});
const sizes = fc.array(fc.nat({ max: 30 }), { maxLength: 6 });

t.test('a secret in pieces is found and blotted out, and nothing else changes', async (t) => {
  fc.assert(
    fc.property(surroundings, surroundings, sizes, (before, after, sizes) => {
      const parts = pieces(Buffer.from(`${before}${value}${after}`), sizes);
      t.ok(found(parts));
      t.equal(redacted(parts), `${before}***${after}`);
    }),
  );
});

t.test('text without the secret passes unchanged', async (t) => {
  fc.assert(
    fc.property(surroundings, sizes, (text, sizes) => {
      const parts = pieces(Buffer.from(text), sizes);
      t.notOk(found(parts));
      t.equal(redacted(parts), text);
    }),
  );
});

t.test('its other forms are found: base64 at any offset, percent-encoding, JSON', async (t) => {
  for (const text of [
    JSON.stringify({ password: value }),
    `https://user:${encodeURIComponent(value)}@example.com`,
    ...['', 'u', 'us', 'use'].map((prefix) =>
      Buffer.from(`${prefix}${value}:rest`).toString('base64'),
    ),
    Buffer.from(`user:${value}`).toString('base64url'),
  ]) {
    t.ok(found([Buffer.from(text)]), text);
  }
});

t.test('values that would show by chance are not looked for', async (t) => {
  t.same(secretPatterns([{ id: 'short', value: Buffer.from('1234567\n') }]), []);
  t.same(secretPatterns([{ id: 'empty', value: Buffer.from('') }]), []);
});

t.test('bytes that are no text are found as they are', async (t) => {
  const bytes = Buffer.from([0xff, 0, 1, 2, 3, 4, 5, 0x80, 7]);
  const search = new SecretSearch(secretPatterns([{ id: 'key', value: bytes }]));
  t.equal(search.find(Buffer.concat([Buffer.alloc(3), bytes])), 'key');
});

t.test('what is being shown does not wait for more than a beginning of the secret', async (t) => {
  const redactor = new SecretRedactor(patterns);
  t.equal(redactor.push(Buffer.from('progress 10% s3')).toString(), 'progress 10% ');
  t.equal(redactor.push(Buffer.from('e')).toString(), 's3e');
});

t.test('a stream with a secret fails before the secret has passed', async (t) => {
  const passed: Buffer[] = [];
  const source = Readable.from([Buffer.from('harmless'), Buffer.from(`x${value}`)]);
  const check = refuseSecrets(patterns, (id) => new Error(`found ${id}`));
  const sink = async (chunks: AsyncIterable<Buffer>) => {
    for await (const chunk of chunks) passed.push(chunk);
  };
  await t.rejects(pipeline(source, check, sink), { message: 'found one' });
  t.notOk(Buffer.concat(passed).includes(value));
});
