/**
 * Which test mirrors which case of the original's own tests (s2i reference 4): file below `test/`, name of the test, cases.
 * The cases of its Dockerfile mode and the rows of its table of user ids are tables of tests themselves.
 */

/** Tests by file, and what each of them stands for. */
export type Mirrors = Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;

/** Sections 4.1 to 4.4 of the reference. */
export const upstreamCases: Mirrors = {
  'e2e/build.test.ts': {
    'a source becomes an image in a registry': ['TestCleanBuild', 'sti.Execute ok'],
    'N2 a failing assemble ends with its own exit code in the message and moves no tag': [
      'sti.Execute error',
    ],
    'P2 usage prints the usage text on standard output': ['shell: usage', 'sti usage setup'],
  },
  'e2e/commands.test.ts': {
    'N1 N3 mistakes end with their exit codes, a reason and advice': [
      ...['TestCleanBuildNoName', 'api/validation: missing builder, tag', 'docker: image names'],
    ],
  },
  'e2e/kill.test.ts': {
    'L02 N4 SIGTERM ends a build in order: exit code 143, nothing published, nothing left': [
      ...['sti.Prepare: work dir removed', 'docker: RunContainer is stopped'],
    ],
  },
  'e2e/s2i-dockerfile.test.ts': {
    'L1 L2 --as-dockerfile gives a context that buildah builds': ['shell: as-dockerfile'],
    'L5 what cannot be written is refused, and generate needs no source': ['generate_test'],
    'P4 --run runs what was built': ['shell: --run and SIGINT'],
    'P6 .s2ifile brings the last build back, without secrets': ['config: save and restore'],
  },
  'e2e/s2i-flags.test.ts': {
    'H1 H2 H3 H4 H5 injected files are there for assemble and in no layer': [
      ...['TestInjectionBuild', 'TestInjectionBuildBadDestination', 'util: injection result'],
      ...['util: list files to truncate', 'util: truncate script'],
    ],
    'K1 K2 K3 a server is told how the build ended, with the digest': ['util: callback'],
    'P4 through a link named s2i, with the flags that its users give': ['shell: volume'],
    'P3 rebuild builds the commit that the labels name': ['shell: rebuild'],
  },
  'e2e/s2i-scripts.test.ts': {
    'D6 scripts come from a server; 404 falls back, other answers do not': ['scripts: 404'],
    'G7 save-artifacts of this source works from the first incremental build on': [
      'sti.SaveArtifacts custom script',
    ],
    'G3 G4 G6 G7 noise, failure and an empty stream give a clean build with its reason': [
      ...['sti.SaveArtifacts run error', 'sti.SaveArtifacts extract error'],
    ],
  },
  'e2e/s2i/as-dockerfile.test.ts': {
    'L1 L2 the upstream cases': ['dockerfile: 21 cases'],
    'L2 L5 ScriptsURLNone, and what cannot be written': ['dockerfile: ScriptsURLNone'],
    'L3 L4 buildah builds them, and the next one from the artifacts of the first': [
      'shell: as-dockerfile, then a build',
    ],
  },
  'e2e/s2i/container.test.ts': {
    'F1 F2 F3 F4 F6 directory, variables, entry point, umask, no input': ['shell: add-host'],
    'F5 F7 the layout, and nothing of the build is left': ['sti: upload layout'],
    'A1 symbolic links are kept; --compat follows them, within the source': [
      ...['util: fs copy and keep symlinks', 'tar: links and exec bits'],
    ],
  },
  'e2e/s2i/created.test.ts': {
    'R1 a created builder builds, incrementally, and runs': ['TestIncrementalBuildUser'],
  },
  'e2e/s2i/incremental.test.ts': {
    'G1 G2 G3 nothing, then what is kept beside the image, on any machine': [
      ...['sti.Exists', 'sti.SaveArtifacts custom tag', 'TestIncrementalBuildScripts'],
    ],
    'G4 G5 G6 G7 what is no archive, or leads outside, gives a clean build': [
      'sti.SaveArtifacts error before start',
    ],
    'G8 --rm deletes the previous image and what is beside it': [
      ...['TestIncrementalBuildAndRemovePreviousImage', 'TestIncrementalBuildAndKeepPreviousImage'],
      'sti: previous image store and remove',
    ],
  },
  'e2e/s2i/labels.test.ts': {
    'J6 what assemble says wins, within limits': ['TestCleanBuildLabel', 'sti.commit labels, size'],
    'K1 K2 K3 K4 a server is told, whole, again, and not for ever': [
      'TestCleanBuildCallbackInvoked',
    ],
  },
  'e2e/s2i/on-build.test.ts': {
    'M1 the instructions run, and the source starts the application': [
      ...['TestCleanBuildOnBuild', 'TestIncrementalBuildOnBuild', 'onbuild: guess entrypoint'],
    ],
    'M2 blocked, without a start, and users that are not allowed': [
      'TestAllowedUIDsOnBuildRootUser',
    ],
  },
  'e2e/s2i/runtime-image.test.ts': {
    'I1 I5 artifacts go below WORKDIR, and again from kept ones the next time': [
      ...['shell: runtime image', 'sti: runtime artifacts download and upload'],
    ],
  },
  'e2e/s2i/scripts.test.ts': {
    'D1 D2 D3 label before old label before variable': ['TestCleanBuildScripts', 'scripts: labels'],
    'D4 D5 D9 the source before the image, the URL before the source': [
      ...['TestCleanBuildFileScriptsURL', 'scripts: order', 'shell: .s2i/bin override'],
    ],
    'D6 a server: 200 and 201 are scripts, 404 goes on, anything else ends': [
      'TestCleanBuildHttpScriptsURL',
    ],
    'D8 D10 schemes nobody knows, and scripts that are nowhere': [
      ...['scripts: invalid URL', 'sti.Prepare: required install', 'scripts: failed sources'],
    ],
    'M3 M4 N7 no tar, no shell: one way for all, and the cause by name': [
      ...['TestLayeredBuildNoTar', 'TestIncrementalBuildScriptsNoSaveArtifacts', 'layered'],
    ],
  },
  'e2e/s2i/sources.test.ts': {
    'A1 A4 A9 the files as they are on disk, or what is committed': [
      ...['shell: relative, absolute, not git', 'scm: DownloaderForSource local, forced copy'],
    ],
    'A2 A5 addresses of repositories, and refs': ['shell: file://', 'scm/git: checkout errors'],
    'A6 submodules and worktrees, whose .git is a file': ['scm: DownloaderForSource submodule'],
    'A7 the context directory': ['scm/downloaders: context dir'],
    'A8 a repository without a commit': ['scm/git: IsValidGitRepository empty'],
  },
  'e2e/s2i/users.test.ts': {
    'E1 E2 E3 E4 flag before label before image; USER of the image stays': [
      ...['TestCleanBuildUser', 'docker: GetAssembleUser', 'sti.commit user'],
    ],
    'E5 the allowed user ids of the upstream cases': [
      ...['TestAllowedUIDsNamedUser', 'TestAllowedUIDsNumericUser', 'TestAllowedUIDsAssembleRoot'],
      'TestAllowedUIDsAssembleUser',
    ],
    'E4 E5 the 22 rows of allowed user ids': [
      ...['docker: CheckAllowedUser 22 rows', 'TestAllowedUIDsOnBuildNumericUser'],
    ],
  },
  'registry/credentials/lookup.test.ts': {
    'item 59: the places without XDG_RUNTIME_DIR': ['docker: dockercfg discovery'],
  },
  'registry/tls.test.ts': {
    'item 67: an extra authority is trusted beside the system ones': ['dockerssl: tlsverify'],
    'item 67: insecure is for the named host only': ['dockerssl: tls'],
    'item 67: a client certificate from certs.d': ['dockerssl: SSLClientCert'],
  },
  's2i/contract.test.ts': {
    'D1 scripts URL: label before old label before variable, in all combinations': [
      'docker: scripts-url, 11 rows',
    ],
  },
  's2i/dockerfile.test.ts': {
    'L1 where scripts of the image are': ['dockerfile: getImageScriptsDir, 10 rows'],
  },
  's2i/environment.test.ts': {
    'C1 C4 .s2i/environment: comments, space, quotes, no expansion': ['scripts: environment file'],
    '-e: one variable each, whatever is in its value': ['api: EnvironmentList.Set'],
  },
  's2i/mappings.test.ts': {
    'I1 artifacts that are refused': ['sti: runtime artifact validation'],
    'H1 H4 injections: lists, quotes, the last colon, the working directory': [
      'api: VolumeList.Set',
    ],
  },
  's2i/scripts.test.ts': {
    'D4 the command table: destination, scripts URL, scripts from outside': [
      'docker: RunContainer command table',
    ],
  },
  's2i/user.test.ts': { 'ranges of user ids': ['util: uid range parse and contains'] },
  'source/download.test.ts': {
    'D8 a script over http: 200 and 201 are answers, 404 means it is not there': ['scripts: HTTP'],
  },
  'source/ignore.test.ts': { 'B1 the nine upstream cases': ['ignore: nine cases'] },
  'source/open-git.test.ts': {
    'A1 A5 a repository over http: default branch, branch, tag, pull request, commit': [
      ...['shell: remote git', 'scm/git: clone'],
    ],
  },
  'source/open-stream.test.ts': {
    'G3 G4 G5 artifacts: an empty stream has no entries, padding is no problem, hard links are files':
      [...['tar: extract', 'tar: round trip']],
  },
  'source/spec.test.ts': {
    'A1 A2 every accepted form of a source': ['scm/git: Parse, accepted rows'],
    'A3 rejected forms are errors that say why': ['scm/git: Parse, rejected rows'],
  },
  'tar/encode.test.ts': {
    'pax stands only where ustar cannot say it': ['tar: non-ASCII names'],
  },
};
