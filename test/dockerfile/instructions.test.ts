/** Every instruction with every option: what is read, and what is refused and how. */

import t from 'tap';
import { instructions, meaning, problemsOf } from './support.ts';

const plainCopy = {
  inline: [],
  link: false,
  parents: false,
  exclude: [],
  keepGitDir: false,
};
const plainCheck = { interval: 0, timeout: 0, startPeriod: 0, startInterval: 0, retries: 0 };
const plainRun = { kind: 'run', mounts: [], network: 'default' };
const shell = (text: string) => ({ form: 'shell', text });
const exec = (...args: readonly string[]) => ({ form: 'exec', arguments: args });
const owner = { uid: 0, gid: 0 };

const accepted: readonly (readonly [text: string, meaning: Record<string, unknown>])[] = [
  ['RUN a  b && "c"', { ...plainRun, command: shell('a  b && "c"') }],
  ['run ["a", "b\\"c"]', { ...plainRun, command: exec('a', 'b"c') }],
  [
    'RUN --network=none --security=sandbox x',
    { ...plainRun, network: 'none', command: shell('x') },
  ],
  ['RUN -- --x', { ...plainRun, command: shell('--x') }],
  ['CMD a b', { kind: 'cmd', command: shell('a b') }],
  ['CMD []', { kind: 'cmd', command: exec() }],
  ['CMD', { kind: 'cmd', command: shell('') }],
  ['ENTRYPOINT ["a"]', { kind: 'entrypoint', command: exec('a') }],
  ['SHELL ["sh", "-c"]', { kind: 'shell', arguments: ['sh', '-c'] }],
  [
    'ENV a=1 b="x y" c=\\ d',
    {
      kind: 'env',
      pairs: [
        { name: 'a', value: '1' },
        { name: 'b', value: '"x y"' },
        { name: 'c', value: '\\ d' },
      ],
    },
  ],
  ['ENV a  b "c"  d', { kind: 'env', pairs: [{ name: 'a', value: 'b "c"  d' }] }],
  ['LABEL "a b"=c=d', { kind: 'label', pairs: [{ name: '"a b"', value: 'c=d' }] }],
  ['LABEL a=', { kind: 'label', pairs: [{ name: 'a', value: '' }] }],
  ['ARG a b=1', { kind: 'arg', declarations: [{ name: 'a' }, { name: 'b', value: '1' }] }],
  ['WORKDIR /a b', { kind: 'workdir', path: '/a b' }],
  ['USER a:b', { kind: 'user', user: 'a:b' }],
  ['USER "a b"', { kind: 'user', user: '"a b"' }],
  ['EXPOSE 80 53/udp 1-3', { kind: 'expose', ports: ['80', '53/udp', '1-3'] }],
  ['VOLUME /a /b', { kind: 'volume', paths: ['/a', '/b'] }],
  ['VOLUME ["/a b"]', { kind: 'volume', paths: ['/a b'] }],
  ['STOPSIGNAL SIGRTMIN+3', { kind: 'stopsignal', signal: 'SIGRTMIN+3' }],
  ['MAINTAINER a b <c>', { kind: 'maintainer', name: 'a b <c>' }],
  ['ONBUILD  run x', { kind: 'onbuild', trigger: 'run x' }],
  ['HEALTHCHECK NONE', { kind: 'healthcheck', ...plainCheck }],
  ['HEALTHCHECK cmd a b', { kind: 'healthcheck', ...plainCheck, command: shell('a b') }],
  [
    'HEALTHCHECK --interval=1h2m3s --timeout=1.5s --start-period=0 --start-interval=250ms --retries=3 CMD ["a"]',
    {
      kind: 'healthcheck',
      interval: 3723e9,
      timeout: 1.5e9,
      startPeriod: 0,
      startInterval: 250e6,
      retries: 3,
      command: exec('a'),
    },
  ],
  ['COPY a b /c/', { kind: 'copy', ...plainCopy, sources: ['a', 'b'], destination: '/c/' }],
  ['COPY ["a b", "c d"]', { kind: 'copy', ...plainCopy, sources: ['a b'], destination: 'c d' }],
  [
    'COPY --from=x --chown=1:2 --chmod=u=rwX,go= --link --parents=true --exclude=*.a --exclude=b a /c',
    {
      kind: 'copy',
      ...plainCopy,
      sources: ['a'],
      destination: '/c',
      from: 'x',
      owner: '1:2',
      mode: 'u=rwX,go=',
      link: true,
      parents: true,
      exclude: ['*.a', 'b'],
    },
  ],
  [
    `ADD --keep-git-dir --unpack=false --checksum=sha256:${'a'.repeat(64)} https://x.example/a /c`,
    {
      kind: 'add',
      ...plainCopy,
      sources: ['https://x.example/a'],
      destination: '/c',
      keepGitDir: true,
      unpack: false,
      checksum: `sha256:${'a'.repeat(64)}`,
    },
  ],
];

const mounts: readonly (readonly [text: string, meaning: Record<string, unknown>])[] = [
  ['target=/x', { type: 'bind', target: '/x', source: '/', readOnly: true }],
  [
    'type=bind,from=a,src=b,dst=/x,rw',
    { type: 'bind', from: 'a', source: 'b', target: '/x', readOnly: false },
  ],
  ['type=bind,target=/x,ro=false', { type: 'bind', target: '/x', source: '/', readOnly: false }],
  [
    'type=cache,target=/x',
    {
      ...{ type: 'cache', target: '/x', id: '/x', sharing: 'shared', source: '/' },
      ...{ readOnly: false, attributes: { mode: 0o755, ...owner } },
    },
  ],
  [
    'type=cache,id=../x,destination=/x,sharing=locked,from=a,source=/s,mode=0700,uid=1,gid=2,ro',
    {
      ...{ type: 'cache', target: '/x', id: '../x', sharing: 'locked', from: 'a', source: '/s' },
      ...{ readOnly: true, attributes: { mode: 0o700, uid: 1, gid: 2 } },
    },
  ],
  [
    'type=cache,target=/x,from=a',
    {
      ...{ type: 'cache', target: '/x', id: '/x', sharing: 'shared', from: 'a', source: '/' },
      readOnly: false,
    },
  ],
  ['type=tmpfs,target=/x,size=64m', { type: 'tmpfs', target: '/x', size: 67_108_864 }],
  [
    'type=secret,id=a',
    { type: 'secret', id: 'a', target: '/run/secrets/a', required: false, mode: 0o400, ...owner },
  ],
  [
    'type=secret,target=/etc/key,required,mode=0440',
    { type: 'secret', id: 'key', target: '/etc/key', required: true, mode: 0o440, ...owner },
  ],
  [
    'type=secret,id=a,env=TOKEN',
    { type: 'secret', id: 'a', variable: 'TOKEN', required: false, mode: 0o400, ...owner },
  ],
  ['type=ssh', { type: 'ssh', id: 'default', required: false, mode: 0o600, ...owner }],
];

const refused: readonly (readonly [text: string, line: string])[] = [
  ['CPOY a b', '2:1: there is no instruction "CPOY" (did you mean COPY?)'],
  ['XYZZY', '2:1: there is no instruction "XYZZY"'],
  ['RUN', '2:1: RUN: needs an argument'],
  [
    'RUN --mount=target=/x',
    '2:1: RUN: has no command (write RUN and a command line behind the flags)',
  ],
  ['RUN --mout=x y', '2:5: RUN: unknown flag "--mout" (did you mean --mount?)'],
  ['RUN --network=lan y', '2:5: RUN: "lan" is no network (use --network=default, none or host)'],
  [
    'RUN --security=insecure y',
    '2:1: RUN: --security=insecure is not supported (a build never leaves its sandbox: leave the flag out)',
  ],
  [
    'RUN ["a", 1]',
    '2:1: RUN: a list in JSON form holds something that is not a string (write every item in double quotes)',
  ],
  ['RUN --mount y', '2:5: RUN: --mount has no value (write --mount=value)'],
  [
    'RUN --mount=type=bnd,target=/x y',
    '2:5: RUN: --mount: there is no type "bnd" (did you mean type=bind?)',
  ],
  ['RUN --mount=type=cache y', '2:5: RUN: --mount: target is missing (add target=/path)'],
  [
    'RUN --mount=type=cache,target=/x,sharing=no y',
    '2:5: RUN: --mount: sharing is shared, private or locked, not "no"',
  ],
  [
    'RUN --mount=type=cache,target=/x,source=/s y',
    '2:5: RUN: --mount: source is a path in what from names, and from is missing (add from=, or leave source out: a cache begins empty then)',
  ],
  [
    'RUN --mount=type=cache,target=/x,mode=9 y',
    '2:5: RUN: --mount: mode is an octal number, not "9"',
  ],
  ['RUN --mount=target=/x,target=/y y', '2:5: RUN: --mount: target is given twice'],
  [
    'RUN --mount=type=tmpfs,target=/x,size=big y',
    '2:5: RUN: --mount: size is a number of bytes such as 64m, not "big"',
  ],
  ['RUN --mount=type=secret y', '2:5: RUN: --mount: neither id nor target is given (add id=name)'],
  [
    'RUN --mount=target=/x,z y',
    '2:5: RUN: --mount: type=bind has no option "z" (its options are target, source, from, readonly, readwrite)',
  ],
  ['RUN --mount=target=/ y', '2:1: RUN: --mount: the target cannot be "/"'],
  [
    'COPY a',
    '2:1: COPY: needs at least one source and a destination (write COPY source destination)',
  ],
  ['COPY --from a b', '2:6: COPY: --from has no value (write --from=value)'],
  ['COPY --from=a --from=b a b', '2:15: COPY: --from is given twice'],
  ['COPY --link=maybe a b', '2:6: COPY: --link is true or false, not "maybe"'],
  ['COPY a b c', '2:1: COPY: the destination "c" of more than one source does not end in "/"'],
  ['COPY --chmod=999 a b', '2:1: COPY: --chmod: "999" is no mode such as 755 or u=rwX,go=rX'],
  ['COPY --chown=a:b:c a b', '2:1: COPY: --chown: "a:b:c" is no user, or user and group'],
  ['COPY --keep-git-dir a b', '2:6: COPY: unknown flag "--keep-git-dir"'],
  ['ADD --from=x a b', '2:5: ADD: unknown flag "--from"'],
  ['ADD --checksum=md5:x a b', '2:1: ADD: --checksum: "md5:x" is no digest such as sha256:...'],
  ['ENV a', '2:1: ENV: "a" has no value (write ENV name=value)'],
  [
    'ENV a=1 b',
    '2:9: ENV: "=" is missing in "b" (write name=value, with quotes around values that hold spaces)',
  ],
  ['ENV =1', '2:5: ENV: a name is empty'],
  ['ENV a="x', '2:1: ENV: a double quote (") has no end'],
  ['ENV a=${b', '2:1: ENV: "}" is missing behind "${b"'],
  ['ARG =1', '2:5: ARG: a name is empty'],
  ['EXPOSE web', '2:1: EXPOSE: "web" is no port such as 8080, 53/udp or 8000-8010'],
  ['EXPOSE 80/icmp', '2:1: EXPOSE: "80/icmp" is no port such as 8080, 53/udp or 8000-8010'],
  ['EXPOSE 9-8', '2:1: EXPOSE: "9-8" is no port such as 8080, 53/udp or 8000-8010'],
  ['EXPOSE 65536', '2:1: EXPOSE: "65536" is no port such as 8080, 53/udp or 8000-8010'],
  ['STOPSIGNAL SIGNOTHING', '2:1: STOPSIGNAL: "SIGNOTHING" is no signal such as SIGTERM or 9'],
  ['USER a b', '2:1: USER: takes one argument'],
  ['WORKDIR ""', '2:1: WORKDIR: the path is empty'],
  ['VOLUME [""]', '2:1: VOLUME: a path is empty'],
  [
    'SHELL sh -c',
    '2:1: SHELL: needs a JSON list with at least one string (write it as SHELL ["/bin/bash", "-c"])',
  ],
  [
    'SHELL []',
    '2:1: SHELL: needs a JSON list with at least one string (write it as SHELL ["/bin/bash", "-c"])',
  ],
  [
    'HEALTHCHECK MAYBE',
    '2:1: HEALTHCHECK: "MAYBE" is neither CMD nor NONE (write HEALTHCHECK CMD command, or HEALTHCHECK NONE)',
  ],
  ['HEALTHCHECK NONE x', '2:1: HEALTHCHECK: NONE takes no arguments'],
  ['HEALTHCHECK CMD', '2:1: HEALTHCHECK: CMD has no command'],
  [
    'HEALTHCHECK --interval=often CMD x',
    '2:1: HEALTHCHECK: --interval: "often" is no duration (write a duration such as 30s or 1m30s)',
  ],
  [
    'HEALTHCHECK --timeout=1us CMD x',
    '2:1: HEALTHCHECK: --timeout is shorter than a millisecond (write a duration such as 30s or 1m30s)',
  ],
  ['HEALTHCHECK --retries=-1 CMD x', '2:1: HEALTHCHECK: --retries: "-1" is no number of tries'],
  ['ONBUILD ONBUILD RUN x', '2:1: ONBUILD: ONBUILD cannot be a trigger'],
  ['ONBUILD FROM x', '2:1: ONBUILD: FROM cannot be a trigger'],
  ['ONBUILD MAINTAINER x', '2:1: ONBUILD: MAINTAINER cannot be a trigger'],
  ['ONBUILD CPOY a b', '2:9: there is no instruction "CPOY" (did you mean COPY?)'],
  ['ONBUILD EXPOSE web', '2:9: EXPOSE: "web" is no port such as 8080, 53/udp or 8000-8010'],
];

t.test('instructions are read with all their options', async (t) => {
  for (const [text, expected] of accepted) {
    const [instruction, ...more] = instructions(text);
    t.same(meaning(instruction), expected, text);
    t.equal(more.length, 0, 'and nothing else');
  }
});

t.test('D01 D03 mounts have a closed list of options; ids are only names', async (t) => {
  for (const [text, expected] of mounts) {
    const [instruction] = instructions(`RUN --mount=${text} x`);
    t.same(meaning(instruction), { ...plainRun, command: shell('x'), mounts: [expected] }, text);
  }
  for (const option of ['bind-propagation=rshared', 'z', 'Z', 'relabel=shared', 'U'])
    t.match(problemsOf(`FROM a\nRUN --mount=target=/x,${option} y`)[0], /has no option/, option);
});

t.test('what is wrong is said with line, column and advice', async (t) => {
  for (const [text, line] of refused) t.strictSame(problemsOf(`FROM a\n${text}`), [line], text);
});

t.test('everything that is wrong is said at once, in order', async (t) => {
  t.strictSame(problemsOf('FROM a\nENV a\nRUN ok\nEXPOSE x\n  CPOY a b\n'), [
    '2:1: ENV: "a" has no value (write ENV name=value)',
    '4:1: EXPOSE: "x" is no port such as 8080, 53/udp or 8000-8010',
    '5:3: there is no instruction "CPOY" (did you mean COPY?)',
  ]);
  const many = problemsOf(`FROM a\n${'EXPOSE x\n'.repeat(30)}`);
  t.equal(many.length, 21);
  t.equal(many.at(-1), 'and 10 more problems');
});

t.test('values that wait for variables are checked when they have come', async (t) => {
  t.strictSame(problemsOf('FROM a\nEXPOSE $PORT\nCOPY --chmod=$M a b\nSTOPSIGNAL ${S}\n'), []);
  t.strictSame(problemsOf('FROM a\nEXPOSE ${PORT\n'), [
    '2:1: EXPOSE: "}" is missing behind "${PORT"',
  ]);
});
