/** The graph of a build: what stages begin with, what they need, which are left out, and arguments. */

import t from 'tap';
import {
  beginScope,
  expandInstruction,
  inputsOf,
  runVariables,
  type Scope,
  withArguments,
  withEnvironment,
} from '../../src/dockerfile/index.ts';
import { instructions, linesOf, plan } from './support.ts';

const stages = `ARG V=1
FROM a:$V AS one
FROM one AS two
FROM scratch AS three
COPY --from=two /x /y
FROM b AS unused
RUN --mount=from=three,target=/x cat
FROM c
COPY --from=1 /x /y
COPY --from=image:2 /x /y
RUN --mount=from=THREE,target=/x --mount=type=cache,target=/y,from=one cat
`;

t.test('stages begin with stages, images or nothing', async (t) => {
  const { stages: planned, order, target } = plan(stages);
  t.same(
    planned.map(({ base }) => base),
    [
      { kind: 'image', reference: 'a:1' },
      { kind: 'stage', index: 0 },
      { kind: 'scratch' },
      { kind: 'image', reference: 'b' },
      { kind: 'image', reference: 'c' },
    ],
  );
  t.same(
    planned.map(({ dependencies }) => dependencies),
    [[], [0], [1], [2], [0, 1, 2]],
  );
  t.equal(target, 4);
  t.same(order, [0, 1, 2, 4], 'what is not needed is not built');
});

t.test('targets', async (t) => {
  t.same(plan(stages, { target: 'two' }).order, [0, 1]);
  t.same(plan(stages, { target: 'THREE' }).order, [0, 1, 2]);
  t.same(plan(stages, { target: '3' }).order, [0, 1, 2, 3]);
});

t.test('what a plan refuses', async (t) => {
  const cases: readonly (readonly [text: string, line: RegExp, target?: string])[] = [
    ['FROM $NOTHING', /^1:1: FROM: "\$NOTHING" is empty \(give the argument a default/],
    ['FROM a${', /^1:1: FROM: /],
    ['ARG A=${\nFROM a', /^1:1: ARG: /],
    [
      'FROM --platform=no/such/plat/form a',
      /^1:1: FROM: --platform="no\/such\/plat\/form" is no platform/,
    ],
    ['FROM a AS x\nCOPY --from=x a b', /^2:1: --from="x" names its own stage/],
    ['FROM a AS x\nCOPY --from=0 a b', /^2:1: --from="0" names its own stage/],
    ['FROM a\nCOPY --from=$x a b', /^2:1: --from="\$x": variables cannot stand here/],
    ['FROM a AS x\nCOPY --from=y a b\nFROM x AS y', /needs itself/],
    [
      'FROM a AS build\nFROM a',
      /^1:1: there is no stage "biuld" to build \(did you mean --target build\?\)/,
      'biuld',
    ],
    ['FROM a\nFROM b', /the stages are 0 to 1/, 'x'],
  ];
  for (const [text, line, target] of cases) {
    try {
      plan(text, target === undefined ? {} : { target });
      t.fail(text);
    } catch (error) {
      t.match(linesOf(error)[0], line, text);
    }
  }
});

t.test('names of stages', async (t) => {
  const twice = plan('FROM a AS x\nFROM b AS x\nFROM x\nCOPY --from=x 1 2');
  t.same(twice.stages[2]?.base, { kind: 'stage', index: 1 }, 'the last one in front is meant');
  t.same(plan('FROM x\nFROM a AS x').stages[0]?.base, { kind: 'image', reference: 'x' });
  t.same(plan('FROM a AS x\nFROM x AS x').stages[1]?.base, { kind: 'stage', index: 0 });
  t.same(plan('FROM a AS X').stages[0]?.name, 'x');
});

t.test('many stages are no trouble', async (t) => {
  const lines = Array.from(
    { length: 3000 },
    (_, i) => `FROM ${i === 0 ? 'a' : `s${i - 1}`} AS s${i}`,
  );
  t.equal(plan(lines.join('\n')).order.length, 3000);
});

t.test('platforms', async (t) => {
  const platformOf = (flag: string) => plan(`FROM ${flag} a`).stages[0]?.platform;
  t.same(platformOf(''), { os: 'linux', architecture: 'amd64' });
  t.same(platformOf('--platform=$BUILDPLATFORM'), { os: 'linux', architecture: 'arm64' });
  t.same(platformOf('--platform=linux/arm/v7'), {
    os: 'linux',
    architecture: 'arm',
    variant: 'v7',
  });
  t.same(platformOf('--platform=${NONE}'), { os: 'linux', architecture: 'amd64' });
});

t.test('arguments at the top', async (t) => {
  const global = (text: string, args = {}) => plan(`${text}\nFROM a`, { args }).arguments.global;
  const text = 'ARG A=1\nARG B=$A-2 C=${A}3\nARG D';
  t.match(Object.fromEntries(global(text)), { A: '1', B: '1-2', C: '13', TARGETARCH: 'amd64' });
  t.equal(global(text).has('D'), false);
  t.match(Object.fromEntries(global(text, { A: 'x', D: 'y' })), { A: 'x', B: 'x-2', D: 'y' });
  t.equal(global('', { TARGETARCH: 'mips' }).get('TARGETARCH'), 'mips');
  t.equal(global('', { UNDECLARED: 'x' }).has('UNDECLARED'), false);
});

t.test('arguments that nobody declares', async (t) => {
  const args = { A: '1', B: '2', HTTP_PROXY: 'x', no_proxy: 'y' };
  const { warnings } = plan('ARG A\nFROM a', { args });
  t.match(warnings, [{ rule: 'UnusedBuildArg', message: /--build-arg B is not used/ }]);
});

t.test('inputs of instructions', async (t) => {
  const of = (text: string) => instructions(text).flatMap(inputsOf);
  t.same(of('COPY --from=a b c'), ['a']);
  t.same(of('COPY b c'), []);
  t.same(of('RUN --mount=from=a,target=/x --mount=type=secret,id=y z'), ['a']);
});

/** Goes through instructions as the engine does and returns where it ends. */
function walk(text: string, args: Readonly<Record<string, string>>, top = ''): Scope {
  const { stages: planned, arguments: given } = plan(`${top}\nFROM a\n${text}`, { args });
  let scope = beginScope('\\', ['BASE=b', 'PATH=/bin']);
  for (const instruction of planned[0]?.instructions ?? []) {
    const resolved = expandInstruction(instruction, scope, 'Dockerfile');
    if (resolved.kind === 'env') scope = withEnvironment(scope, resolved.pairs);
    if (resolved.kind === 'arg') scope = withArguments(scope, resolved, given);
  }
  return scope;
}

t.test('scopes', async (t) => {
  const env = (...args: Parameters<typeof walk>) => Object.fromEntries(walk(...args).env);
  t.same(env('ENV A=$BASE B=$A', {}), { BASE: 'b', PATH: '/bin', A: 'b', B: '' });
  t.match(env('ARG A=1\nENV B=$A', {}), { B: '1' });
  t.match(env('ARG A=1\nENV B=$A', { A: '2' }), { B: '2' });
  t.match(env('ARG A=1 C=$A\nENV B=$C', {}), { B: '1' }, 'defaults see those in front');
  t.match(env('ARG A\nENV B=x$A', {}), { B: 'x' });
  t.match(env('ARG A\nENV B=x$A', {}, 'ARG A=top'), { B: 'xtop' });
  t.match(env('ARG A=own\nENV B=x$A', {}, 'ARG A=top'), { B: 'xown' });
  t.match(env('ENV B=x$A', {}, 'ARG A=top'), { B: 'x' }, 'not without a declaration');
  t.match(env('ENV A=env\nARG A=arg\nENV B=$A', { A: 'given' }), { B: 'env' }, 'ENV wins');
  t.match(env('ARG TARGETARCH\nENV B=$TARGETARCH', {}), { B: 'amd64' });
  t.match(env('ENV PATH=$PATH:/x', {}), { PATH: '/bin:/x' });
});

t.test('D08 what a RUN sees', async (t) => {
  const scope = walk('ARG A=1\nENV B=2', {});
  const given = new Map([
    ['HTTP_PROXY', 'p'],
    ['SECRET', 's'],
  ]);
  t.same(Object.fromEntries(runVariables(scope, { given, global: new Map([['G', 'g']]) })), {
    HTTP_PROXY: 'p',
    A: '1',
    BASE: 'b',
    PATH: '/bin',
    B: '2',
  });
});

t.test('what is wrong once variables are known', async (t) => {
  const scope = beginScope('\\', ['P=web', 'E=', 'M=abc']);
  const cases: readonly (readonly [text: string, line: string])[] = [
    ['EXPOSE $P', '2:1: EXPOSE: "web" is no port such as 8080, 53/udp or 8000-8010'],
    ['USER $E', '2:1: USER: the user is empty'],
    ['COPY --chmod=$M a b', '2:1: COPY: --chmod: "abc" is no mode such as 755 or u=rwX,go=rX'],
    ['COPY a $P$E b', '2:1: COPY: the destination "b" of more than one source does not end in "/"'],
    ['RUN --mount=target=$E/ x', '2:1: RUN: --mount: the target cannot be "/"'],
    ['ENV A=${X:?give X}', '2:1: ENV: X: give'],
  ];
  for (const [text, line] of cases) {
    const [instruction] = instructions(text.replace('give X', 'give'));
    if (instruction === undefined) throw new Error(text);
    try {
      expandInstruction(instruction, scope, 'Dockerfile');
      t.fail(text);
    } catch (error) {
      t.strictSame(linesOf(error), [line], text);
    }
  }
});

t.test('ports are taken apart, heredocs expanded, commands left alone', async (t) => {
  const scope = beginScope('\\', ['A=1', 'PORTS=80 90-91/udp']);
  const expanded = (text: string) => {
    const [instruction] = instructions(text);
    return instruction && expandInstruction(instruction, scope, 'Dockerfile');
  };
  t.match(expanded('EXPOSE $PORTS'), { ports: ['80/tcp', '90/udp', '91/udp'] });
  t.match(expanded('COPY <<E <<"F" /x/\n$A\nE\n$A\nF'), {
    inline: [{ content: '1\n' }, { content: '$A\n' }],
  });
  t.match(expanded('RUN --mount=type=cache,target=/$A,id=x$A echo $A'), {
    command: { text: 'echo $A' },
    mounts: [{ target: '/1', id: 'x1' }],
  });
  t.match(expanded('CMD echo $A'), { command: { text: 'echo $A' } });
  t.match(expanded('LABEL $A=b'), { pairs: [{ name: '1', value: 'b' }] });
});
