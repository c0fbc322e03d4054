/**
 * Entry file of the thread that unpacks: it receives the decompressed archives of the layers in order and
 * gives each buffer back when it is done with it.
 */

import { parentPort, workerData } from 'node:worker_threads';
import { type FailureMessage, failureMessage } from '../thread-work.ts';
import { Unpacker, type UnpackOutcome, type UnpackWork } from './unpacker.ts';

/** What the thread is told. Layers come one after the other: chunks, then the end. */
export type UnpackInstruction =
  | {
      readonly kind: 'chunk';
      readonly layer: string;
      readonly pool: number;
      readonly buffer: SharedArrayBuffer;
      readonly length: number;
    }
  | { readonly kind: 'layer-end'; readonly layer: string }
  | { readonly kind: 'finish' };

/** What the thread says. */
export type UnpackReport =
  | { readonly kind: 'free'; readonly pool: number; readonly buffer: SharedArrayBuffer }
  | { readonly kind: 'done'; readonly outcome: UnpackOutcome }
  | FailureMessage;

function follow(unpacker: Unpacker, instruction: UnpackInstruction): UnpackReport | undefined {
  switch (instruction.kind) {
    case 'chunk': {
      const { layer, pool, buffer, length } = instruction;
      unpacker.write(layer, new Uint8Array(buffer, 0, length));
      return { kind: 'free', pool, buffer };
    }
    case 'layer-end':
      unpacker.endLayer(instruction.layer);
      return undefined;
    case 'finish':
      return { kind: 'done', outcome: unpacker.finish() };
  }
}

function listen(port: NonNullable<typeof parentPort>): void {
  const work = workerData as UnpackWork;
  let unpacker: Unpacker | undefined;
  port.on('message', (instruction: UnpackInstruction) => {
    try {
      unpacker ??= new Unpacker(work);
      const report = follow(unpacker, instruction);
      if (report !== undefined) port.postMessage(report);
    } catch (thrown) {
      unpacker?.[Symbol.dispose]();
      port.postMessage(failureMessage(thrown));
      port.close();
    }
  });
}

if (parentPort !== null) listen(parentPort);
