/**
 * Copies an image between any two places, with all its platforms and with the logins that docker, podman
 * and `s2oci login` keep. Blobs are mounted where both places are on one registry.
 */

import { homedir, userInfo } from 'node:os';
import { credentialSettings, loadCredentials, Registry } from 's2oci';

const [source = '', destination = ''] = process.argv.slice(2);

const places = credentialSettings(process.env, { home: homedir(), uid: userInfo().uid });
await using registry = new Registry({
  credentials: loadCredentials(places, (warning) => console.error(warning)),
});
const report = await registry.copy(source, destination, {
  platform: 'all',
  reporter: {
    emit: (event) => {
      if (event.type === 'log' && event.level === 'warning') console.error(event.message);
    },
  },
});

const { pulled, pushed, mounted } = registry.client.totals;
console.log(report.reference);
console.log(JSON.stringify({ pulled, pushed, mounted }));
