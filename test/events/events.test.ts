/** The event stream: the phases and their order are an interface. */

import t from 'tap';
import { type BuildEvent, phases, silentReporter } from '../../src/events/index.ts';

t.test('phases', async (t) => {
  t.equal(
    phases.join(' '),
    'resolve fetch unpack source restore assemble steps runtime capture compose publish keep',
    'names and order appear in JSON lines and metadata files',
  );
});

t.test('the silent reporter takes everything', async (t) => {
  const event: BuildEvent = { type: 'phase', phase: 'fetch', state: 'started', time: 0 };
  t.equal(silentReporter.emit(event), undefined);
});
