/**
 * Random builds over random root file systems: an overlay and a plain copy give the same layer, and the
 * layer applied to what was below gives the result.
 */

import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import t from 'tap';
import { fc } from '../../support/property.ts';
import { capture } from '../support/captured.ts';
import { anyBuild, mutate } from '../support/mutations.ts';
import { Overlay, run } from '../support/overlay.ts';
import { mapping, Scene } from '../support/scene.ts';
import { type Snapshot, snapshot } from '../support/snapshot.ts';
import { anyStack, layerOf, Model } from '../support/stack.ts';

/** Facts that a layer has to carry over: all but which names share a file, and times only if asked for. */
function essence(root: string, times: false | 'seconds' = false): Snapshot {
  const lines = snapshot(root, { times });
  const resolved = ([path, line]: [string, string]): [string, string] => {
    const link = / = (.*)$/.exec(line)?.[1];
    return [path, accessible(link === undefined ? line : (lines.get(link) ?? line))];
  };
  return new Map([...lines].map(resolved).filter(([path]) => path !== ''));
}

/** Under a single id the disk never takes the owner's own access away. */
function accessible(line: string): string {
  if (mapping === 'full') return line;
  const opened = (_: string, kind: string, mode: string) =>
    `${kind} ${(Number.parseInt(mode, 8) | (kind === 'directory' ? 0o700 : 0o400)).toString(8)}`;
  return line.replace(/^(\w+) (\d+)/, opened);
}

for (const timestamps of ['clamp', 'preserve'] as const)
  t.test(`random builds, timestamps ${timestamps}`, async () => {
    await fc.assert(
      fc.asyncProperty(
        anyStack,
        anyBuild,
        fc.integer({ min: 512, max: 5000 }),
        async (stack, build, size) => {
          await using scene = new Scene();
          const model = new Model();
          const archives = stack.map((operations) => layerOf(model.apply(operations)));
          const lower = scene.unpackHere('lower', archives);
          const before = snapshot(lower);
          const copy = scene.path('copy');
          run('cp', '-a', '--', `${lower}/fs`, copy);
          using overlay = new Overlay(`${lower}/fs`, scene.path('overlay'));
          for (const step of build) {
            const [onOverlay, onCopy] = [overlay.merged, copy].map((root) => mutate(root, step));
            // A lower directory cannot be renamed on an overlay; whoever tries falls back to copying.
            if (onOverlay !== onCopy) fc.pre(false);
          }
          const { upper, merged } = overlay;
          const captured = capture({ lower, result: merged, upper, timestamps }, size);
          if (timestamps === 'clamp') {
            fc.pre(sameResult(merged, copy));
            const scanned = capture({ lower, result: copy, timestamps });
            assert.ok(scanned.bytes.equals(captured.bytes), 'overlay and scan give the same bytes');
          }
          assert.deepEqual(snapshot(lower), before, 'nothing below has changed');
          const again = scene.unpackHere('again', [captured.bytes], 'lower');
          const times = timestamps === 'preserve' && 'seconds';
          const [given, wanted] = [essence(`${again}/fs`, times), essence(merged, times)];
          assert.deepEqual(given, wanted, 'the layer gives the result');
          const nothing = capture({ lower: again, result: `${again}/fs`, timestamps });
          assert.equal(nothing.entries + nothing.whiteouts, 0, 'nothing has changed since');
        },
      ),
      { numRuns: 40 },
    );
  });

/** Names of a lower file come apart when an overlay copies one of them up: then the results differ. */
function sameResult(a: string, b: string): boolean {
  const [first, second] = [a, b].map((root) => JSON.stringify([...essence(root)]));
  return first === second && fs.existsSync(a);
}
