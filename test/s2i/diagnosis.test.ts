import t from 'tap';
import { diagnoseScript, meaningOfExitCode, type ScriptFacts } from '../../src/s2i/index.ts';

/** The explanation for a script with this content. */
function explain(
  head: string | Uint8Array | undefined,
  facts: Partial<ScriptFacts> = {},
  mode = 0o755,
) {
  return diagnoseScript({
    name: 'assemble',
    path: '/usr/libexec/s2i/assemble',
    exitCode: 127,
    ...(head === undefined ? {} : { file: { mode, head: Buffer.from(head) } }),
    imageHas: (path) => ['/bin/sh', '/usr/bin/env'].includes(path),
    architecture: 'amd64',
    ...facts,
  }).diagnosis;
}

/** The beginning of a program for a machine. */
function elf(machine: number, bigEndian = false): Buffer {
  const head = Buffer.alloc(64);
  head.write('\u007fELF', 'latin1');
  head[4] = 2;
  head[5] = bigEndian ? 2 : 1;
  if (bigEndian) head.writeUInt16BE(machine, 18);
  else head.writeUInt16LE(machine, 18);
  return head;
}

t.test('N2 what exit codes mean', async (t) => {
  t.match(meaningOfExitCode(126).reason, /cannot be executed/);
  t.match(meaningOfExitCode(127).reason, /not found/);
  t.match(meaningOfExitCode(137).reason, /killed.*memory/);
  t.match(meaningOfExitCode(139).reason, /crashed/);
  t.match(meaningOfExitCode(143).reason, /terminated/);
  t.match(meaningOfExitCode(130).reason, /interrupted/);
  t.equal(meaningOfExitCode(134).reason, 'exit code 134: killed by signal 6');
  t.same(meaningOfExitCode(13), { reason: 'exit code 13' });
  t.equal(meaningOfExitCode(255).reason, 'exit code 255');
});

t.test('M3 the named cause when a script cannot start', async (t) => {
  t.match(explain(undefined), {
    reason: /no \/usr\/libexec\/s2i\/assemble in the image/,
    suggestion: /scripts-url/,
  });
  t.match(explain('#!/bin/sh\n', {}, 0o644), {
    reason: /not executable \(mode 644\)/,
    suggestion: /chmod \+x assemble/,
  });
  t.match(explain('#!/bin/bash\r\n'), { reason: /carriage return/ });
  t.match(explain('#!/bin/bash\necho'), {
    reason: /interpreter \/bin\/bash .* is not in the image/,
  });
  t.match(
    explain('#!/bin/bash\necho', { exitCode: 1 }),
    { reason: /interpreter/ },
    'as runc says it',
  );
  t.match(explain('#! /bin/bash -e\n'), { reason: /interpreter \/bin\/bash/ });
  t.match(explain('#!/usr/bin/env python3\n'), { reason: /python3/, suggestion: /PATH/ });
  t.match(explain('echo', { imageHas: () => false }), {
    reason: /no "#!" line and the image has no \/bin\/sh/,
  });
});

t.test('M3 a program for another architecture is named', async (t) => {
  t.match(explain(elf(183)), {
    reason: /a program for arm64, not for amd64/,
    suggestion: /--platform/,
  });
  t.match(explain(elf(22, true)), { reason: /s390x/ });
  t.match(explain(elf(9999)), { reason: /machine 9999/ });
  t.match(explain(elf(62)), { reason: /exit code 127/ });
  t.match(explain(elf(62).subarray(0, 10)), { reason: /damaged/ });
});

t.test('a script that started and failed is not suspected', async (t) => {
  t.same(explain('#!/bin/bash\r\n', { exitCode: 3 }), { reason: 'exit code 3' });
  t.match(explain(undefined, { exitCode: 137 }), { reason: /memory/ });
  t.same(explain(undefined, { exitCode: 1 }), { reason: 'exit code 1' }, 'it may remove itself');
  t.match(explain('#!/bin/sh\nfoo', { exitCode: 127 }), { reason: /command was not found/ });
});
