/**
 * Failpoints: moments with a name at which a test can make the program fail, stall or die. In production nothing is set
 * and a failpoint costs a call. README.md lists them, and says how every other moment is tested.
 *
 * Grammar: `site=n*action` joined by `;`. The site `*` is every site, counted together; `n` is the hit at which the
 * action happens (once), and may be left out for every hit. Actions: `error(ENOSPC)`, `kill`, `delay(milliseconds)`.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { BuildError } from '../errors/index.ts';

/** Called at each place that can fail; throws, waits or ends the process when a test wants it. */
export type Failpoint = (site: string) => Promise<void>;

/** A failpoint that never does anything. */
export const noFailpoint: Failpoint = () => Promise.resolve();

interface Rule {
  readonly site: string;
  /** 0 for every hit. */
  readonly hit: number;
  readonly act: (site: string) => Promise<void>;
}

/**
 * Parses the value of `S2OCI_AGENT_FAILPOINT`.
 *
 * @param kill ends this process at once, as SIGKILL does
 * @throws BuildError `CONFIG_INVALID`
 */
export function parseFailpoints(text: string, kill: () => void): Failpoint {
  const rules = text
    .split(';')
    .filter((part) => part !== '')
    .map((part) => parseRule(part, kill));
  const hits = rules.map(() => 0);
  return async (site) => {
    const due = rules.filter((rule, i) => {
      if (rule.site !== '*' && rule.site !== site) return false;
      const hit = (hits[i] ?? 0) + 1;
      hits[i] = hit;
      return rule.hit === 0 || rule.hit === hit;
    });
    for (const rule of due) await rule.act(site);
  };
}

function parseRule(text: string, kill: () => void): Rule {
  const match = /^([a-z.*-]+)=(?:(\d{1,9})\*)?(kill|error|delay)(?:\((\w+)\))?$/.exec(text);
  if (match === null) {
    throw new BuildError('CONFIG_INVALID', `not a failpoint: ${JSON.stringify(text)}`);
  }
  const [, site = '', hit = '0', action = '', argument = ''] = match;
  return { site, hit: Number(hit), act: actionOf(action, argument, kill) };
}

function actionOf(action: string, argument: string, kill: () => void): Rule['act'] {
  switch (action) {
    case 'kill':
      return () => {
        kill();
        // Nothing may happen after the moment of death, should the signal take its time.
        return new Promise(() => {});
      };
    case 'delay':
      return () => sleep(Number(argument));
    default:
      return (site) =>
        Promise.reject(
          Object.assign(new Error(`${argument}: failpoint at ${site}`), { code: argument }),
        );
  }
}
