import t from 'tap';
import {
  type Capability,
  chooseRuntime,
  compareIsolation,
  type ExecutorName,
  type IsolationLevel,
  type Runtime,
} from '../../src/runtime/index.ts';

function works(isolation: IsolationLevel, best = false): Capability {
  return { usable: true, isolation, limitations: ['something'], best, fakeRoot: true };
}

function fake(name: ExecutorName, capability: Capability, refuses = false) {
  let probes = 0;
  const runtime: Runtime = {
    name,
    staysInGroup: true,
    probe: async () => {
      probes++;
      return capability;
    },
    refusal: () => (refuses ? 'not this user' : undefined),
    run: async () => ({ code: 0 }),
  };
  return { runtime, probes: () => probes };
}

const broken: Capability = { usable: false, reason: 'it is broken' };

t.test('the first that works wins when none isolates better', async (t) => {
  const [a, b, c] = [fake('crun', broken), fake('runc', works('B')), fake('bwrap', works('B'))];
  const chosen = await chooseRuntime([a.runtime, b.runtime, c.runtime], {});
  t.equal(chosen.runtime.name, 'runc');
  t.same(chosen.considered, [
    { name: 'crun', usable: false, reason: 'it is broken' },
    { name: 'runc', usable: true, reason: 'isolation B, something' },
    { name: 'bwrap', usable: true, reason: 'isolation B, something' },
  ]);
});

t.test('a later one that isolates better wins', async (t) => {
  const all = [fake('runc', works('B')), fake('bwrap', works('A', true))];
  const chosen = await chooseRuntime(
    all.map(({ runtime }) => runtime),
    {},
  );
  t.equal(chosen.runtime.name, 'bwrap');
});

t.test('nothing is probed after the best there can be', async (t) => {
  const all = [fake('runc', works('C', true)), fake('bwrap', works('C', true))];
  await chooseRuntime(
    all.map(({ runtime }) => runtime),
    {},
  );
  t.same(
    all.map(({ probes }) => probes()),
    [1, 0],
  );
});

t.test('last resorts are not probed when anything else works', async (t) => {
  const all = [fake('unshare', works('C')), fake('podman', works('A', true))];
  const chosen = await chooseRuntime(
    all.map(({ runtime }) => runtime),
    {},
  );
  t.equal(chosen.runtime.name, 'unshare');
  t.equal(all[1]?.probes(), 0);
});

t.test('who refuses the user is passed over without a probe', async (t) => {
  const all = [fake('runc', works('C', true), true), fake('bwrap', works('C', true))];
  const chosen = await chooseRuntime(
    all.map(({ runtime }) => runtime),
    {
      user: { uid: 1001, gid: 0, additionalGids: [] },
    },
  );
  t.equal(chosen.runtime.name, 'bwrap');
  t.equal(all[0]?.probes(), 0);
  t.match(chosen.considered[0], { usable: false, reason: 'not this user' });
});

t.test('an executor asked for is taken or the reason given', async (t) => {
  const all = [fake('runc', works('A', true)), fake('unshare', works('B'))].map(
    ({ runtime }) => runtime,
  );
  t.equal((await chooseRuntime(all, { executor: 'unshare' })).runtime.name, 'unshare');
  const rejected = chooseRuntime([fake('runc', broken).runtime], { executor: 'runc' });
  await t.rejects(rejected, { code: 'RUNTIME_UNAVAILABLE', message: /runc.*it is broken/ });
  await t.rejects(chooseRuntime(all, { executor: 'podman' }), { code: 'RUNTIME_UNAVAILABLE' });
});

t.test('never below the isolation asked for', async (t) => {
  const all = [fake('chroot', works('D', true)).runtime];
  const rejected = chooseRuntime(all, { minIsolation: 'C' });
  await t.rejects(rejected, {
    code: 'ISOLATION_INSUFFICIENT',
    message: /chroot.*D, not C: something/,
  });
  t.equal((await chooseRuntime(all, { minIsolation: 'D' })).isolation, 'D');
});

t.test('levels are ordered', async (t) => {
  t.ok(compareIsolation('A', 'B') < 0);
  t.ok(compareIsolation('F', 'D') > 0);
  t.equal(compareIsolation('C', 'C'), 0);
});
