/**
 * A small web application: answers every request with the text of `message.txt` and a few facts about where
 * it runs. Its one dependency, esbuild, has an install script and compiles this file during assemble.
 */

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

const message = readFileSync('message.txt', 'utf8').trim();
const port = Number(process.env['PORT'] ?? 8080);
const greeting = process.env['GREETING'] ?? 'Hello';

const server = createServer((request, response) => {
  response.setHeader('Content-Type', 'text/plain; charset=utf-8');
  response.end(
    [
      `${greeting}! ${message}`,
      `path: ${request.url}`,
      `node: ${process.version}`,
      `user: ${process.getuid?.()}:${process.getgid?.()}`,
      '',
    ].join('\n'),
  );
});

server.listen(port, () => process.stdout.write(`listening on port ${port}\n`));

// As the first process of its container it has no default action for signals.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    server.close();
    server.closeAllConnections();
  });
}
