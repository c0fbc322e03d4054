/** Owners of a copy, as the root of a namespace gives them. */

import * as fs from 'node:fs';
import t from 'tap';
import { copyTree } from '../../../src/layer/index.ts';
import { Scene } from '../support/scene.ts';
import { snapshot } from '../support/snapshot.ts';

t.test('everything gets the owner', async (t) => {
  await using scene = new Scene();
  const from = scene.path('from');
  fs.mkdirSync(`${from}/d`, { recursive: true });
  fs.writeFileSync(`${from}/d/file`, '', { mode: 0o755 });
  fs.symlinkSync('d', `${from}/link`);
  fs.mkdirSync(scene.path('to'));
  fs.chmodSync(scene.path('to'), 0o2755);
  await copyTree(from, scene.path('to'), { symlinks: 'preserve', owner: { uid: 1001, gid: 0 } });
  const lines = [...snapshot(scene.path('to'), { times: false }).values()];
  for (const line of lines) t.match(line, / 1001:0/);
});
