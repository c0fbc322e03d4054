/** Dockerfile text becomes stages of typed instructions. Everything that is wrong is found before the first error. */

import type { ReadContext } from './context.ts';
import { foreignSyntax, parseDirectives } from './directives.ts';
import { parseInstruction } from './instruction.ts';
import { parseFrom } from './instructions/from.ts';
import { type Statement, StatementReader, splitLines } from './lines.ts';
import { Problems } from './problems.ts';
import type {
  ArgInstruction,
  Directives,
  DockerfileAst,
  FromInstruction,
  Instruction,
  Stage,
  Warning,
} from './types.ts';

/** What the reader of a Dockerfile has to know besides its text. */
export interface ParseOptions {
  /** The file's name, for messages. */
  readonly name: string;
}

/**
 * Parses a Dockerfile in time linear to its length.
 *
 * @throws BuildError `DOCKERFILE_INVALID` that names every problem with line and column, `LIMIT_EXCEEDED`
 */
export function parseDockerfile(text: string, { name }: ParseOptions): DockerfileAst {
  const problems = new Problems(name);
  const lines = splitLines(text, name);
  const directives = parseDirectives(lines, problems);
  const warnings: Warning[] = [...foreignSyntax(directives)];
  const context: ReadContext = {
    escapeCharacter: directives.escapeCharacter,
    problems,
    warn: (warning) => warnings.push(warning),
  };
  const statements = new StatementReader(lines, name, directives.escapeCharacter, problems).read();
  const { globals, stages } = new StageReader(context).read(statements);
  const wanted = wantedWarnings(warnings, directives);
  if (directives.check.error)
    for (const { rule, message, position } of wanted)
      problems.add(position, `${message} (${rule}; "# check=error=true" makes it an error)`);
  problems.throwIfAny();
  return { name, directives, globals, stages, warnings: wanted };
}

/**
 * Parses the triggers that a base image brings. They have no place in a file: `name` says where they come from, and
 * lines count the triggers.
 *
 * @throws BuildError `DOCKERFILE_INVALID`
 */
export function parseTriggers(
  triggers: readonly string[],
  { name }: ParseOptions,
): readonly Instruction[] {
  const problems = new Problems(name);
  const context: ReadContext = { escapeCharacter: '\\', problems, warn: () => {} };
  const instructions = triggers.flatMap((trigger, index) => {
    const lines = [...Array<string>(index).fill(''), ...splitLines(trigger, name)];
    const statements = new StatementReader(lines, name, '\\', problems).read();
    return statements.flatMap((statement) => triggerOf(statement, context) ?? []);
  });
  problems.throwIfAny();
  return instructions;
}

function triggerOf(statement: Statement, context: ReadContext): Instruction | undefined {
  if (statement.keyword !== 'FROM' && statement.keyword !== 'ONBUILD')
    return parseInstruction(statement, context);
  context.problems.add(statement.position, `${statement.keyword} cannot be a trigger`);
  return undefined;
}

function wantedWarnings(warnings: readonly Warning[], { check }: Directives): readonly Warning[] {
  const skipped = new Set(check.skip.map((rule) => rule.toLowerCase()));
  if (skipped.has('all')) return [];
  return warnings.filter(({ rule }) => !skipped.has(rule.toLowerCase()));
}

/** Sorts statements into what stands in front of the first FROM, and stages. */
class StageReader {
  readonly #context: ReadContext;
  readonly #globals: ArgInstruction[] = [];
  readonly #stages: (Stage & { readonly instructions: Instruction[] })[] = [];
  #beforeFrom = true;

  constructor(context: ReadContext) {
    this.#context = context;
  }

  read(statements: readonly Statement[]): {
    globals: readonly ArgInstruction[];
    stages: readonly Stage[];
  } {
    for (const statement of statements) this.#add(statement);
    if (this.#beforeFrom)
      this.#context.problems.add(
        { line: 1, column: 1 },
        statements.length === 0 ? 'the Dockerfile is empty' : 'the Dockerfile has no FROM',
        'begin with FROM image',
      );
    return { globals: this.#globals, stages: this.#stages };
  }

  #add(statement: Statement): void {
    this.#warnOfEmptyLines(statement);
    if (statement.keyword === 'FROM') {
      this.#beforeFrom = false;
      const from = parseFrom(statement, this.#context);
      if (from !== undefined) this.#addStage(from);
      return;
    }
    const instruction = parseInstruction(statement, this.#context);
    if (instruction === undefined) return;
    if (!this.#beforeFrom) this.#stages.at(-1)?.instructions.push(instruction);
    else if (instruction.kind === 'arg') this.#globals.push(instruction);
    else this.#refuseBeforeFrom(statement);
  }

  #addStage(from: FromInstruction): void {
    if (from.name !== undefined && this.#stages.some((stage) => stage.from.name === from.name))
      this.#context.warn({
        rule: 'DuplicateStageName',
        message: `more than one stage is called "${from.name}"; the last one in front of its use is meant`,
        position: from.position,
      });
    this.#stages.push({ index: this.#stages.length, from, instructions: [] });
  }

  #refuseBeforeFrom({ keyword, position }: Statement): void {
    this.#context.problems.add(
      position,
      `${keyword} stands in front of the first FROM, where only ARG can`,
    );
  }

  #warnOfEmptyLines({ hasEmptyLine, position }: Statement): void {
    if (!hasEmptyLine) return;
    this.#context.warn({
      rule: 'NoEmptyContinuation',
      message: 'an empty line stands within an instruction; it is left out',
      position,
    });
  }
}
