/**
 * Standard output and error of a process in the sandbox.
 *
 * They are FIFOs, not the socket pairs that Node makes for children: scripts reopen /dev/stdout and
 * /dev/stderr, which works for a FIFO whatever user they run as and never for a socket.
 */

import { chmodSync, closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { runTool } from './tool.ts';

/** A one-way byte channel: the write end for the child, a readable for us. */
export interface OutputPipe extends Disposable {
  /** File descriptor of the write end; close it with `closeWriteEnd` once the child has it. */
  readonly writeEnd: number;
  readonly readable: Socket;
  closeWriteEnd(): void;
}

/** Makes `count` FIFOs below a private directory; their names are gone before this returns. */
export async function openOutputPipes(directory: string, count: number): Promise<OutputPipe[]> {
  const private_ = mkdtempSync(join(directory, 'io-'));
  using opened = new DisposableStack();
  const open = (path: string) => opened.use(openPipe(path));
  let pipes: OutputPipe[];
  try {
    const paths = Array.from({ length: count }, (_, i) => join(private_, String(i)));
    await runTool('mkfifo', ['-m', '622', '--', ...paths]);
    pipes = paths.map(open);
  } finally {
    rmSync(private_, { recursive: true, force: true });
  }
  opened.move();
  return pipes;
}

function openPipe(path: string): OutputPipe {
  chmodSync(path, 0o666);
  const readEnd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const readable = new Socket({ fd: readEnd, readable: true, writable: false });
  const writeEnd = openWriteEnd(path, readable);
  let open = true;
  const closeWriteEnd = () => {
    if (open) closeSync(writeEnd);
    open = false;
  };
  return {
    writeEnd,
    readable,
    closeWriteEnd,
    [Symbol.dispose]: () => {
      closeWriteEnd();
      readable.destroy();
    },
  };
}

function openWriteEnd(path: string, readable: Socket): number {
  try {
    return openSync(path, constants.O_WRONLY);
  } catch (error) {
    readable.destroy();
    throw error;
  }
}
