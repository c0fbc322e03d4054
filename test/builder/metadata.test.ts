/** What instructions change in the config, and what history says of them. */

import t from 'tap';
import { createdBy } from '../../src/builder/history.ts';
import { configChanges } from '../../src/builder/metadata.ts';
import { parseDockerfile } from '../../src/dockerfile/index.ts';
import type { JsonObject } from '../../src/model/index.ts';

function changes(line: string, config: JsonObject = {}, isCommandSet = false) {
  const ast = parseDockerfile(`FROM scratch\n${line}\n`, { name: 'Dockerfile' });
  const instruction = ast.stages[0]?.instructions[0];
  if (instruction === undefined) throw new Error(line);
  return {
    config: configChanges(instruction, config, isCommandSet),
    history: createdBy(instruction, config, new Map()),
  };
}

t.test('a variable keeps its place, labels and ports add up', async (t) => {
  t.same(changes('ENV A=2 C=3', { Env: ['A=1', 'B=1'] }).config, { Env: ['A=2', 'B=1', 'C=3'] });
  t.same(changes('LABEL b=2', { Labels: { a: '1' } }).config, { Labels: { a: '1', b: '2' } });
  t.same(changes('VOLUME /a /b', { Volumes: { '/c': {} } }).config, {
    Volumes: { '/c': {}, '/a': {}, '/b': {} },
  });
  t.same(changes('WORKDIR b', { WorkingDir: '/a' }).config, { WorkingDir: '/a/b' });
  t.same(changes('ONBUILD RUN x', { OnBuild: ['RUN y'] }).config, { OnBuild: ['RUN y', 'RUN x'] });
});

t.test('commands in shell form get the shell of the moment', async (t) => {
  t.same(changes('CMD a b').config, { Cmd: ['/bin/sh', '-c', 'a b'] });
  t.same(changes('CMD a', { Shell: ['/bin/bash', '-ec'] }).config, {
    Cmd: ['/bin/bash', '-ec', 'a'],
  });
  t.same(changes('CMD ["a", "b"]').config, { Cmd: ['a', 'b'] });
});

t.test('ENTRYPOINT takes away an inherited CMD, and keeps one of its own stage', async (t) => {
  t.same(changes('ENTRYPOINT ["x"]').config, { Entrypoint: ['x'], Cmd: undefined });
  t.same(changes('ENTRYPOINT ["x"]', {}, true).config, { Entrypoint: ['x'] });
});

t.test('health checks have only the numbers that were given', async (t) => {
  t.same(changes('HEALTHCHECK NONE').config, { Healthcheck: { Test: ['NONE'] } });
  t.same(changes('HEALTHCHECK --interval=5s --retries=2 CMD a b').config, {
    Healthcheck: { Test: ['CMD-SHELL', 'a b'], Interval: 5_000_000_000, Retries: 2 },
  });
});

t.test('history has the words of BuildKit', async (t) => {
  t.equal(changes('RUN a  b').history, 'RUN /bin/sh -c a  b # buildkit');
  t.equal(changes('COPY --chown=1 a b /c/').history, 'COPY --chown=1 a b /c/ # buildkit');
  t.equal(changes('ENTRYPOINT ["x"]').history, 'ENTRYPOINT ["x"]');
  t.equal(changes('WORKDIR x', { WorkingDir: '/a' }).history, 'WORKDIR /a/x');
});
