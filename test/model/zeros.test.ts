/** Zeros are recognised wherever the first other byte stands. */

import t from 'tap';
import { isZeros } from '../../src/model/index.ts';

t.test('zeros of any length, and one other byte at any place', async (t) => {
  const block = 2 ** 18;
  for (const length of [0, 1, 7, block - 1, block, block + 1, 3 * block])
    t.ok(isZeros(Buffer.alloc(length)), `${length} zeros`);
  for (const at of [0, 1, block - 1, block, 2 * block + 5]) {
    const bytes = Buffer.alloc(2 * block + 6);
    bytes[at] = 1;
    t.notOk(isZeros(bytes), `another byte at ${at}`);
  }
});
