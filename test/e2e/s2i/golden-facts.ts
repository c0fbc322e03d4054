/**
 * What was observed of the original (tagged [G] in the s2i reference), and the test that asserts it: the same where we
 * keep it, our own way where docs/from-s2i.md says that it differs.
 */

import type { Mirrors } from './upstream-cases.ts';

/** File below `test/`, name of the test, facts. */
export const goldenFacts: Mirrors = {
  'cli/s2i-flags.test.ts': {
    'each flag has the fate that docs/from-s2i.md tells': ['what is about the daemon'],
  },
  'e2e/build.test.ts': {
    'a source becomes an image in a registry': ['label build.image of a registry', 'stdout'],
    'N2 a failing assemble ends with its own exit code in the message and moves no tag': [
      'non-zero (13)',
    ],
    'P2 usage prints the usage text on standard output': ['usage leaves no image'],
  },
  'e2e/commands.test.ts': {
    'N1 N3 mistakes end with their exit codes, a reason and advice': [
      ...['user errors exit with 0', 'flag errors on stdout', 'exit codes by type'],
    ],
  },
  'e2e/s2i-dockerfile.test.ts': {
    'L5 what cannot be written is refused, and generate needs no source': [
      '--run with --as-dockerfile',
    ],
    'P6 .s2ifile brings the last build back, without secrets': [
      ...['env in clear', 'an explicit -e replaces all'],
    ],
  },
  'e2e/s2i-flags.test.ts': {
    'H1 H2 H3 H4 H5 injected files are there for assemble and in no layer': [
      ...['injected files are left truncated', 'the destination must exist', 'files of injections'],
    ],
    'P1 create writes a builder that is left alone the second time': ['modes of create'],
    'P3 rebuild builds the commit that the labels name': ['rebuild of a relative path'],
  },
  'e2e/s2i-leave-out.test.ts': {
    'F7 source and scripts that nothing refers to stay out, and it is said': [
      ...['src and scripts remain in the image'],
    ],
  },
  'e2e/s2i-scripts.test.ts': {
    'G7 save-artifacts of this source works from the first incremental build on': [
      'a new save-artifacts needs two builds',
    ],
    'G3 G4 G6 G7 noise, failure and an empty stream give a clean build with its reason': [
      ...['an empty stream is allowed', 'partial artifacts are uploaded'],
    ],
  },
  'e2e/s2i/as-dockerfile.test.ts': {
    'L1 L2 the upstream cases': [
      ...['no daemon', 'mode 0700 and downloads', 'quoting of ENV', 'chown in a layer'],
    ],
  },
  'e2e/s2i/container.test.ts': {
    'F1 F2 F3 F4 F6 directory, variables, entry point, umask, no input': [
      ...['ENTRYPOINT is run', 'no capabilities'],
    ],
    'F5 scripts is there also when it is empty, and what the image has in it stays': [
      'scripts is always there',
    ],
    'C1 C4 C5 C6 .s2i/environment is data, with quotes, and long lines': ['quotes are literal'],
    'C2 C3 the file, then -e, then -E, and each name once': ['duplicates are kept'],
    'B8 .s2iignore goes along, moved scripts leave .s2i/bin': [
      ...['.s2iignore is uploaded', '.s2i/bin stays, emptied'],
    ],
    'A1 symbolic links are kept; --compat follows them, within the source': ['dangling links'],
  },
  'e2e/s2i/incremental.test.ts': {
    'G1 G2 G3 nothing, then what is kept beside the image, on any machine': ['mode of artifacts'],
  },
  'e2e/s2i/labels.test.ts': {
    'J2 J3 J4 a commit, a context directory, a message cut to 80': [
      ...['location as typed', 'form of the date', 'subject cut to 80'],
    ],
    'J6 what assemble says wins, within limits': [
      ...['display-name is overridden', 'malformed metadata', 'panic of {}'],
    ],
    'K1 K2 K3 K4 a server is told, whole, again, and not for ever': ['18 bytes of a failure'],
  },
  'e2e/s2i/on-build.test.ts': {
    'M1 the instructions run, and the source starts the application': ['JSON of the daemon'],
    'M2 blocked, without a start, and users that are not allowed': [
      ...['RUN sh assemble below WORKDIR', 'errors are swallowed'],
    ],
  },
  'e2e/s2i/runtime-image.test.ts': {
    'I1 I5 artifacts go below WORKDIR, and again from kept ones the next time': [
      ...['incremental is an error', 'owner and modes', 'Cmd', 'scripts in WORKDIR'],
    ],
    'I2 I3 I4 the label, what is missing, and the user': [
      ...['a missing artifact', 'a missing assemble-runtime'],
    ],
  },
  'e2e/s2i/scripts.test.ts': {
    'D1 D2 D3 label before old label before variable': ['Cmd is the path in the image'],
    'D6 a server: 200 and 201 are scripts, 404 goes on, anything else ends': ['nothing at the URL'],
    'D7 each script is found on its own': ['assemble of the source, run of the image'],
    'D8 D10 schemes nobody knows, and scripts that are nowhere': [
      ...['rc 127', 'no URL handler', 'usage without scripts'],
    ],
    'M3 M4 N7 no tar, no shell: one way for all, and the cause by name': [
      ...['name of the temporary image', 'extra layers'],
    ],
  },
  'e2e/s2i/sources.test.ts': {
    'A1 A4 A9 the files as they are on disk, or what is committed': [
      ...['HEAD is built', 'empty directories'],
    ],
    'A2 A5 addresses of repositories, and refs': ['url#ref is ignored', 'an unknown ref'],
    'A7 the context directory': ['the error shows a temporary path'],
    'B1 B2 B3 B4 .s2iignore as the original reads it': ['golden sample', 'ignored directories'],
  },
  'e2e/s2i/users.test.ts': {
    'E1 E2 E3 E4 flag before label before image; USER of the image stays': ['USER stays'],
    'E5 the allowed user ids of the upstream cases': ['1001:0 is refused', 'error 15'],
    'E6 E7 the source belongs to whoever assembles, and others may not write': [
      ...['0664, 0600 and 0755', 'numeric owner for root', 'times are those of the build'],
    ],
    'E8 users that cannot be are named': ['nosuch'],
  },
  's2i/environment.test.ts': {
    "[G] the image has the build's variables first, then the builder's that they do not replace": [
      'order of Env',
    ],
  },
};
