/** Every row of security.md 2.1, 2.2, 2.6, 3.3 and 3.4 has a test that bears its id. Prints which files those are. */

import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';

const root = join(import.meta.dirname, '..');
const rows = {
  'layers (2.1)': 'T01 T02 T03 T06 T08 T10 T11 T12 T13 T17 T19 T21 T22 T24',
  'documents (2.2)': 'M01 M03 M04 M05 M06 M08 M09 M10 M12 M13 M14 M15 M16 M18',
  'sandbox and caches (2.6)': 'X01 X02 X03 X04 X05 X06 X08 X10 X11 X12',
  'local faults (3.3)': 'L01 L02 L03 L04 L05 L06 L07 L08 L09 L10 L12 L13 L14 L15',
  'builders and scripts (3.4)': 'S01 S02 S03 S04 S05 S06 S07 S08 S09 S10 S11 S12',
};
const itself = 'security/coverage.test.ts';
const files = globSync('**/*.ts', { cwd: root })
  .filter((path) => path !== itself)
  .toSorted()
  .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));

for (const [part, ids] of Object.entries(rows))
  t.test(part, async (t) => {
    for (const id of ids.split(' ')) {
      // A title, or the row of a table of cases.
      const title = new RegExp(`['"\`](?:[^'"\`\\n]* )?${id}\\b`);
      const found = files.filter(({ text }) => title.test(text)).map(({ path }) => path);
      t.comment(`${id}: ${found.join(', ')}`);
      t.ok(found.length > 0, `${id} is tested`);
    }
  });
