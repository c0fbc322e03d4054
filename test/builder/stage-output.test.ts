/** Output of stages that run side by side. */

import t from 'tap';
import { StageOutput } from '../../src/builder/stage-output.ts';
import type { BuildEvent } from '../../src/events/index.ts';

t.test('lines stay whole and say whose they are, whatever pieces they came in', async (t) => {
  const said: string[] = [];
  const reporter = {
    emit: (event: BuildEvent) => {
      if (event.type === 'output') said.push(Buffer.from(event.chunk).toString());
    },
  };
  using one = new StageOutput(reporter, 'one');
  const two = new StageOutput(reporter, 'two');
  const write = (to: StageOutput, stream: 'stdout' | 'stderr', text: string) =>
    to.emit({ type: 'output', phase: 'steps', stream, chunk: Buffer.from(text), time: 0 });
  write(one, 'stdout', 'a');
  write(two, 'stdout', 'x\ny');
  write(one, 'stderr', 'e\n');
  write(one, 'stdout', 'b\nc\n');
  two[Symbol.dispose]();
  t.same(said, ['two: x\n', 'one: e\n', 'one: ab\n', 'one: c\n', 'two: y']);
});
