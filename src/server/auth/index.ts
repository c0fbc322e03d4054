/** Who may use the embedded registry, and by which certificate it is known. */

export { readGatekeeper, readTls, type TlsFiles } from './files.ts';
export { Gatekeeper, parseHtpasswd } from './htpasswd.ts';
