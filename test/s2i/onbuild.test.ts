import t from 'tap';
import { isOnBuild, type OnBuildInput, planOnBuild } from '../../src/s2i/index.ts';
import { failure } from './support.ts';

const input: OnBuildInput = {
  builder: 'registry.example.com/ruby:3',
  instructions: ['COPY . /app', 'RUN bundle install'],
  entries: [
    { name: 'README.md', isExecutableFile: false },
    { name: 'run.sh', isExecutableFile: true },
    { name: 'start', isExecutableFile: true },
  ],
  environment: ['A=1', 'B=say "$x"'],
  entrypoint: [],
  blocked: false,
};

t.test('M1 an ONBUILD builder becomes a Dockerfile of a few lines', async (t) => {
  t.ok(isOnBuild(input.instructions));
  t.notOk(isOnBuild([]));
  t.equal(
    planOnBuild(input),
    'FROM registry.example.com/ruby:3\nENV A="1" \\\n    B="say \\"\\$x\\""\nENTRYPOINT ["./run.sh"]\n',
  );
  t.equal(
    planOnBuild({
      ...input,
      environment: [],
      entries: [
        { name: 'assemble', isExecutableFile: true },
        { name: 'exec', isExecutableFile: true },
      ],
    }),
    'FROM registry.example.com/ruby:3\nRUN sh assemble\nENTRYPOINT ["./exec"]\n',
  );
  t.equal(
    planOnBuild({ ...input, environment: [], entrypoint: ['/start'] }),
    'FROM registry.example.com/ruby:3\n',
  );
});

t.test('M2 ONBUILD that is blocked, or has nothing to start', async (t) => {
  t.match(
    failure(() => planOnBuild({ ...input, blocked: true })),
    { code: 'POLICY_VIOLATION', exitCode: 15 },
  );
  t.match(
    failure(() =>
      planOnBuild({
        ...input,
        entries: [
          { name: 'run', isExecutableFile: false },
          { name: 'runner', isExecutableFile: true },
        ],
      }),
    ),
    { code: 'SOURCE_INVALID' },
  );
  t.match(
    failure(() => planOnBuild({ ...input, environment: ['A=a\nRUN evil'] })),
    { code: 'DOCKERFILE_INVALID', exitCode: 3 },
  );
  t.match(
    failure(() => planOnBuild({ ...input, builder: 'x\nRUN evil' })),
    { code: 'DOCKERFILE_INVALID' },
  );
});
