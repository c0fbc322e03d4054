/**
 * Starts a namespace process as whoever runs this and tells about it on stdout, a JSON line each time.
 * Arguments: the mapping, then words: `stay` keeps it running, `abort=MS` aborts, a mark for `ps`.
 */

import { fileURLToPath } from 'node:url';
import { BuildError } from '../../../src/errors/index.ts';
import { searchTools, spawnInNamespace } from '../../../src/runtime/index.ts';

const [, , mapping = 'auto', mode = 'once', mark = 'none', delay = '0'] = process.argv;

function tell(value: object): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

try {
  const signal = mode === 'abort' ? AbortSignal.timeout(Number(delay)) : undefined;
  const started = await spawnInNamespace(
    { tools: searchTools(process.env['PATH']), env: { ONLY: 'this' } },
    {
      command: [
        process.execPath,
        fileURLToPath(new URL('./namespace-inside.ts', import.meta.url)),
        mark,
      ],
      mapping: mapping as 'auto',
      stdio: { stdout: 2, stderr: 2 },
    },
    signal,
  );
  const { child, stdout: _stdout, stderr: _stderr, kill: _kill, ...facts } = started;
  child.on('message', (inside) => {
    tell({ ...facts, inside });
    if (mode !== 'stay') child.disconnect();
  });
  child.on('exit', (code, name) => tell({ exit: name ?? code }));
  child.send({ question: new Map([['answer', 42n]]) });
} catch (error) {
  const code = error instanceof BuildError ? error.code : String(error);
  tell({ error: code, message: (error as Error).message });
}
