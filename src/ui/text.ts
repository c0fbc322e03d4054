/**
 * Makes text from outside (script output, labels, registry messages) safe to show.
 *
 * Nothing but printable text, tabs and, where allowed, SGR colours reaches the stream; everything else
 * that a terminal acts on is shown as an escape. Commands that CI systems read out of logs are broken up.
 */

/** What may pass. */
export interface TextPolicy {
  /** Whether SGR sequences (colours, bold) pass, ended with the text, or are taken out. */
  readonly sgr: boolean;
  /** Breaks up what GitHub, Azure, TeamCity and GitLab take for commands. */
  readonly ci: boolean;
}

// C0 without tab, DEL, C1, bidirectional controls, line and paragraph separators, interlinear and tag characters.
const unsafe =
  /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;
const sgr = /\u001b\[[0-9;:]{0,64}m/g;
const sgrReset = '\u001b[0m';

/**
 * Returns one line of text that is safe to write to a terminal or a log.
 *
 * `::` at its start, `##[`, `##vso[` and `##teamcity[` anywhere and GitLab's section marks are broken up by a
 * space where the policy says that a CI system reads the line.
 */
export function safeText(text: string, policy: TextPolicy): string {
  const colours = text.match(sgr) ?? [];
  const parts = policy.sgr ? text.split(sgr) : [text.replace(sgr, '')];
  const safe = parts.map((part) => escapeControls(policy.ci ? withoutCiCommands(part) : part));
  if (safe.length === 1) return safe.join('');
  return safe.map((part, index) => part + (colours[index] ?? '')).join('') + sgrReset;
}

function escapeControls(text: string): string {
  return text.replace(unsafe, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);
}

function withoutCiCommands(text: string): string {
  return text
    .replace(/^(\s*):(?=:)/, '$1: ')
    .replace(/##(?=\[|vso\[|teamcity\[)/g, '# #')
    .replace(/(section_(?:start|end)):/g, '$1 :');
}
