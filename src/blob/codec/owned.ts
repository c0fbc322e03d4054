/** A stream made by a generator that reads another stream and owns it. */

import { Readable } from 'node:stream';

/**
 * Returns a stream of what the generator yields. The generator reads `body`; destroying the result
 * destroys `body` at once, even while the generator waits for it.
 */
export function readableOver(body: Readable, chunks: AsyncGenerator<Uint8Array>): Readable {
  return new Readable({
    read() {
      chunks.next().then(
        ({ done, value }) => this.push(done ? null : value),
        (error: Error) => this.destroy(error),
      );
    },
    destroy(error, callback) {
      body.destroy();
      // What the generator says about a body that was taken away from it interests nobody.
      chunks.return(undefined).catch(() => {});
      callback(error);
    },
  });
}
