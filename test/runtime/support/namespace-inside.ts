/** Runs inside a namespace: answers what it sees, and leaves daemons behind that nobody waits for. */

import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

process.on('disconnect', () => process.exit(5));
process.on('message', (message) => {
  const daemon = `setsid sh -c "sleep 600; : ${process.argv[2]}" & sleep 600; : ${process.argv[2]}`;
  spawn('/bin/sh', ['-c', daemon], { detached: true, stdio: 'ignore' }).unref();
  const { question } = message as { question: Map<string, bigint> };
  process.send?.({
    answer: Number(question.get('answer')),
    pid: process.pid,
    uidMap: readFileSync('/proc/self/uid_map', 'utf8').trim().split(/\s+/).map(Number),
    capabilities: /CapEff:\s+(\w+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1],
    processes: readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name)).length,
    environment: Object.keys(process.env)
      .filter((name) => !name.startsWith('NODE_CHANNEL'))
      .sort(),
    terminal: /^\d+ \(.*\) \S+ \d+ \d+ \d+ (-?\d+)/.exec(
      readFileSync('/proc/self/stat', 'utf8'),
    )?.[1],
  });
});
