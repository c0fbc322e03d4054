/**
 * Makes certificates for tests with the `openssl` program: self-signed, for localhost and 127.0.0.1.
 */

import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Files of a certificate; it is its own authority. */
export interface CertificateFiles {
  readonly certFile: string;
  readonly keyFile: string;
  readonly caFile: string;
}

/** What a certificate says, for tests of what is refused. */
export interface CertificateOptions {
  /** Names and addresses it is for, in OpenSSL's spelling. */
  readonly subjectAltName?: string;
  /** Makes a certificate that ended in the past. */
  readonly expired?: boolean;
}

/** Writes `NAME.crt` and `NAME.key` into a directory. */
export async function makeCertificate(
  dir: string,
  name: string,
  options: CertificateOptions = {},
): Promise<CertificateFiles> {
  const certFile = join(dir, `${name}.crt`);
  const keyFile = join(dir, `${name}.key`);
  const names = options.subjectAltName ?? 'DNS:localhost,IP:127.0.0.1,IP:::1';
  await run('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
    ...['-subj', `/CN=s2oci test ${name}`, '-addext', `subjectAltName=${names}`],
    ...['-days', '2', '-keyout', keyFile, '-out', certFile],
  ]);
  if (options.expired === true) await expire(certFile, keyFile);
  return { certFile, keyFile, caFile: certFile };
}

/** `openssl req` makes no certificates of the past, but `openssl ca` does. */
async function expire(certFile: string, keyFile: string): Promise<void> {
  const config = `${certFile}.cnf`;
  await writeFile(`${certFile}.index`, '');
  await writeFile(
    config,
    [
      '[ca]\ndefault_ca = d\n[d]',
      `database = ${certFile}.index\nnew_certs_dir = ${dirname(certFile)}\nrand_serial = yes`,
      'default_md = sha256\npolicy = p\ncopy_extensions = copy\n[p]\ncommonName = supplied\n',
    ].join('\n'),
  );
  const request = `${certFile}.csr`;
  await run('openssl', [
    'x509',
    '-x509toreq',
    '-in',
    certFile,
    '-signkey',
    keyFile,
    '-copy_extensions',
    'copyall',
    '-out',
    request,
  ]);
  await run('openssl', [
    ...[
      'ca',
      '-batch',
      '-notext',
      '-selfsign',
      '-config',
      config,
      '-keyfile',
      keyFile,
      '-in',
      request,
    ],
    ...['-startdate', '20200101000000Z', '-enddate', '20200201000000Z', '-out', certFile],
  ]);
}
