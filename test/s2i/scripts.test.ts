import t from 'tap';
import {
  type BuilderContract,
  imageScriptCandidates,
  needsShell,
  parseScriptsUrl,
  planScripts,
  requireScript,
  type ScriptName,
  type ScriptPlanInput,
  scriptCommand,
  scriptNames,
} from '../../src/s2i/index.ts';
import { execution, failure } from './support.ts';

const origin = { from: 'user', what: '--scripts-url' } as const;
const contract: BuilderContract = {
  destination: '/tmp',
  scriptsUrl: { kind: 'image', path: '/usr/libexec/s2i' },
  warnings: [],
};

/** A plan in which scripts are where the lists say. */
function input(where: {
  flag?: string;
  flagHas?: readonly ScriptName[];
  source?: readonly ScriptName[];
  image?: readonly ScriptName[];
  destination?: string;
  contract?: BuilderContract;
  legacy?: boolean;
}): ScriptPlanInput {
  return {
    contract: where.contract ?? contract,
    destination: where.destination ?? '/tmp',
    ...(where.flag === undefined ? {} : { scriptsUrl: parseScriptsUrl(where.flag, origin) }),
    urlHas: (_url, name) => where.flagHas?.includes(name) ?? false,
    sourceHas: (name) =>
      where.source?.includes(name)
        ? `${where.legacy === true ? '.sti' : '.s2i'}/bin/${name}`
        : undefined,
    imageHas: (path) =>
      (where.image ?? []).some((name) => path === `/usr/libexec/s2i/${name}`) ||
      (where.flag?.startsWith('image:') === true &&
        (where.flagHas ?? []).some((name) => path === `/flag/${name}`)),
  };
}

const places = ['flag', 'source', 'image'] as const;

/** Every combination of places that a script can be at. */
const combinations = Array.from({ length: 7 }, (_, index) =>
  places.filter((_place, bit) => ((index + 1) & (1 << bit)) !== 0),
);

/** Where a script is to be found that is at some places. */
function expectedLocation(
  name: ScriptName,
  flag: string,
  best: (typeof places)[number] | undefined,
) {
  if (best === 'image') return { kind: 'image', path: `/usr/libexec/s2i/${name}` };
  if (best === 'flag' && flag.startsWith('image:')) return { kind: 'image', path: `/flag/${name}` };
  return { kind: best === 'flag' ? 'url' : 'source', path: `/tmp/scripts/${name}` };
}

t.test('D2 each script is found on its own, in the order URL, source, image', async (t) => {
  const flags = ['file:///flag', 'https://host/flag', 'image:///flag'];
  const cases = scriptNames.flatMap((name) =>
    flags.flatMap((flag) => combinations.map((present) => ({ name, flag, present }))),
  );
  t.equal(cases.length, 105);
  for (const { name, flag, present } of cases) {
    // Something else is always at the URL, so that it counts as good for something.
    const other = name === 'run' ? 'assemble' : 'run';
    const at = (place: (typeof places)[number]) => (present.includes(place) ? [name] : []);
    const where = {
      flag,
      flagHas: [...at('flag'), other] as const,
      source: at('source'),
      image: at('image'),
    };
    t.match(
      planScripts(input(where)).scripts[name],
      expectedLocation(name, flag, present[0]),
      `${name} at ${present.join(', ')} with ${flag}`,
    );
  }
});

t.test('D3 mixed: assemble of the source, run of the image', async (t) => {
  const plan = planScripts(input({ source: ['assemble'], image: ['assemble', 'run', 'usage'] }));
  t.same(plan.scripts, {
    assemble: { kind: 'source', path: '/tmp/scripts/assemble', sourcePath: '.s2i/bin/assemble' },
    run: { kind: 'image', path: '/usr/libexec/s2i/run' },
    usage: { kind: 'image', path: '/usr/libexec/s2i/usage' },
  });
});

t.test('D4 the command table: destination, scripts URL, scripts from outside', async (t) => {
  const rows: readonly (readonly [string, Parameters<typeof input>[0], string])[] = [
    ['image', { image: ['run'] }, '/usr/libexec/s2i/run'],
    ['image, other destination', { image: ['run'], destination: '/opt' }, '/usr/libexec/s2i/run'],
    ['source', { source: ['run'] }, '/tmp/scripts/run'],
    ['source, other destination', { source: ['run'], destination: '/opt/x' }, '/opt/x/scripts/run'],
    ['source, root as destination', { source: ['run'], destination: '/' }, '/scripts/run'],
    ['URL', { flag: 'file:///f', flagHas: ['run'], destination: '/opt' }, '/opt/scripts/run'],
  ];
  for (const [name, where, path] of rows)
    t.equal(planScripts(input(where)).scripts.run?.path, path, name);
  const rooted: BuilderContract = { ...contract, scriptsUrl: { kind: 'image', path: '/' } };
  t.equal(
    planScripts({ ...input({ contract: rooted }), imageHas: (path) => path === '/run' }).scripts.run
      ?.path,
    '/run',
  );
});

t.test(
  'D5 a scripts URL with nothing at it is an error; with some, the rest comes from elsewhere',
  async (t) => {
    for (const flag of ['https://u:s3cret@host/x', 'file:///nope', 'image:///nope']) {
      const error = failure(() => planScripts(input({ flag, image: ['assemble', 'run'] })));
      t.match(error, { code: 'SCRIPT_NOT_FOUND', exitCode: 8, message: /no scripts at/ }, flag);
      t.notMatch(error?.message, 's3cret');
    }
    const partial = planScripts(
      input({ flag: 'file:///f', flagHas: ['assemble'], image: ['assemble', 'run'] }),
    );
    t.match(partial.scripts, { assemble: { kind: 'url' }, run: { kind: 'image' } });
  },
);

t.test('D6 a missing script is named with the places that were looked at', async (t) => {
  const where = input({ image: ['assemble'] });
  const plan = planScripts(where);
  t.equal(requireScript(plan, 'assemble', where).path, '/usr/libexec/s2i/assemble');
  t.match(
    failure(() => requireScript(plan, 'run', where)),
    {
      code: 'SCRIPT_NOT_FOUND',
      message:
        /no script run: not in \.s2i\/bin of the source, not in image:\/\/\/usr\/libexec\/s2i/,
    },
  );
  const unlabelled = input({ contract: { destination: '/tmp', warnings: [] } });
  t.match(
    failure(() => requireScript(planScripts(unlabelled), 'run', unlabelled)),
    { message: /no label io\.openshift\.s2i\.scripts-url/ },
  );
});

t.test('D9 scripts in .sti/bin work, with a notice', async (t) => {
  const plan = planScripts(input({ source: ['run'], legacy: true }));
  t.match(plan, { scripts: { run: { sourcePath: '.sti/bin/run' } }, warnings: [/deprecated/] });
});

t.test('the paths that are asked of the image', async (t) => {
  t.same(imageScriptCandidates(contract, parseScriptsUrl('image:///', origin)).slice(0, 2), [
    '/assemble',
    '/run',
  ]);
  t.equal(imageScriptCandidates(contract, undefined).length, scriptNames.length);
  t.same(
    imageScriptCandidates(
      { destination: '/tmp', warnings: [] },
      parseScriptsUrl('file:///x', origin),
    ),
    [],
  );
});

t.test('F3 the ENTRYPOINT stands in front of a script, unless it is left out', async (t) => {
  const image = {
    execution: execution({ entrypoint: ['container-entrypoint', '-x'] }),
    path: '/s/assemble',
  };
  t.same(scriptCommand(image), ['container-entrypoint', '-x', '/s/assemble']);
  t.same(scriptCommand({ ...image, useEntrypoint: false }), ['/s/assemble']);
  t.same(scriptCommand({ ...image, viaShell: true }), [
    'container-entrypoint',
    '-x',
    '/bin/sh',
    '/s/assemble',
  ]);
  t.same(scriptCommand({ execution: execution(), path: '/s/run' }), ['/s/run']);
});

t.test('a script without "#!" is read by a shell, as shells do', async (t) => {
  t.notOk(needsShell(Buffer.from('#!/bin/bash\n')));
  t.notOk(needsShell(Buffer.from('\u007fELF\u0002', 'latin1')));
  t.notOk(needsShell(Buffer.alloc(0)));
  t.ok(needsShell(Buffer.from('echo hello\n')));
  t.ok(needsShell(Buffer.from('a')));
});
