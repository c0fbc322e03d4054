/** The 22 rows of `--allowed-uids` (s2i reference 2.6): the rules are held against them, and whole builds. */

/** What is allowed, the users that there are, and whether a build may begin. */
export type AllowedUidRow = readonly [
  ranges: string,
  image: string,
  extra: { flag?: string; label?: string; onBuild?: readonly string[] },
  allowed: boolean,
];

/** The rows, as the original's tests have them. */
export const allowedUidRows: readonly AllowedUidRow[] = [
  ['', 'root', {}, true],
  ['', '', { onBuild: ['USER root'] }, true],
  ['0', 'default', {}, false],
  ['1-', '0', {}, false],
  ['1-', '', {}, false],
  ['1-', 'root', {}, false],
  ['0', '0', {}, true],
  ['1-10,30-', '100', {}, true],
  ['1-10,30-', '20', {}, false],
  ['1-10,30-', '5:5000', {}, true],
  ['1-10,30-', '20:5', {}, false],
  ['1-10,30-', '200', { onBuild: ['VOLUME /data'] }, true],
  ['1-10,30-', '200', { onBuild: ['VOLUME /data', 'USER 500'] }, true],
  ['1-10,30-', '200', { onBuild: ['USER default'] }, false],
  ['1-10,30-', '200', { onBuild: ['COPY . .', 'USER 11'] }, false],
  ['1-10,30-', '200', { onBuild: ['USER 10:100', 'USER 30:0'] }, true],
  ['1-10,30-', '200', { onBuild: ['USER 5', 'user root', 'USER 6'] }, false],
  ['1-10,30-', '200', { label: '0' }, false],
  ['1-', 'root', { label: '431' }, true],
  ['1-', 'root', { label: '431:0' }, true],
  ['1-', '1001', { flag: '1001:0' }, false],
  ['1-', 'root', { flag: '1001', label: 'root' }, true],
];
