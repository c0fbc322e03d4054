/** Typed errors: codes, exit codes, what they carry, and what is made of errors of others. */

import t from 'tap';
import {
  asBuildError,
  BuildError,
  deserializeError,
  errorCodes,
  exitCodeOf,
} from '../../src/errors/index.ts';

t.test(
  'codes are grouped by exit code, and the groups are those that are documented',
  async (t) => {
    const exits = errorCodes.map(exitCodeOf);
    t.strictSame(
      exits,
      exits.toSorted((a, b) => a - b),
    );
    t.strictSame(
      [...new Set(exits)],
      [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 130, 143],
    );
    t.equal(new Set(errorCodes).size, errorCodes.length);
    for (const code of errorCodes) t.match(code, /^[A-Z]+(_[A-Z]+)*$/);
  },
);

t.test('an error carries what a program and a person need', async (t) => {
  const cause = new Error('below');
  const error = new BuildError('ASSEMBLE_FAILED', 'assemble failed: why', {
    phase: 'assemble',
    origin: 'runtime',
    suggestion: 'do this',
    details: { exitCode: 3 },
    cause,
  });
  t.type(error, Error);
  t.equal(error.exitCode, 9);
  t.equal(error.cause, cause);
  t.equal(error.retryable, false);
  t.strictSame(error.toJSON(), {
    code: 'ASSEMBLE_FAILED',
    message: 'assemble failed: why',
    exitCode: 9,
    retryable: false,
    phase: 'assemble',
    origin: 'runtime',
    suggestion: 'do this',
    details: { exitCode: 3 },
  });
});

t.test('what is not known stays out of the JSON', async (t) => {
  const json = new BuildError('INTERNAL', 'x').toJSON();
  t.strictSame(json, { code: 'INTERNAL', message: 'x', exitCode: 1, retryable: false });
});

t.test('an error survives the way to another process', async (t) => {
  const error = new BuildError('REGISTRY_UNAVAILABLE', 'x', {
    phase: 'publish',
    retryable: true,
    suggestion: 'again',
    details: { attempts: 5, host: 'a', fatal: false },
  });
  const back = deserializeError(JSON.parse(JSON.stringify(error)));
  t.type(back, BuildError);
  t.strictSame(back.toJSON(), error.toJSON());
  t.equal(back.message, error.message);
});

t.test('errors of the system become their codes', async (t) => {
  const system = (code: string) => Object.assign(new Error(`${code}: failed`), { code });
  const codes = {
    ENOSPC: 'NO_SPACE',
    EDQUOT: 'NO_SPACE',
    EACCES: 'PERMISSION_DENIED',
    EPERM: 'PERMISSION_DENIED',
    EROFS: 'PERMISSION_DENIED',
    EIO: 'IO_FAILED',
    EMFILE: 'IO_FAILED',
    ENOENT: 'IO_FAILED',
    EWHATEVER: 'INTERNAL',
  };
  for (const [errno, code] of Object.entries(codes)) {
    const thrown = system(errno);
    const error = asBuildError(thrown);
    t.equal(error.code, code, errno);
    t.equal(error.cause, thrown, 'the cause is kept');
  }
  t.match(asBuildError(system('ENOSPC')).suggestion, /S2OCI_HOME/);
});

t.test('anything else that is thrown is a bug of ours', async (t) => {
  const expected = new BuildError('USAGE_INVALID', 'x');
  t.equal(asBuildError(expected), expected);
  t.equal(asBuildError(new TypeError('x is not a function')).code, 'INTERNAL');
  for (const value of ['text', undefined, null, 7, {}])
    t.equal(asBuildError(value).code, 'INTERNAL');
});
