/**
 * The instructions of a Dockerfile as typed, positioned values.
 *
 * Texts are as written: quotes, escapes and variables stay in them until `expandInstruction` resolves them with the
 * environment of the moment, which depends on the base image and so is known to the engine only. What an instruction
 * says that holds no variable has been checked when it was parsed.
 */

/** A place in a Dockerfile; both count from one. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** What every instruction carries. */
export interface Written {
  readonly position: Position;
  /** The last line that belongs to it, heredocs included. */
  readonly endLine: number;
  /** The instruction as one line, for history and progress: continuations joined, comments and heredocs left out. */
  readonly original: string;
}

/** A here-document of RUN, COPY or ADD. */
export interface Heredoc {
  /** The word that ends it, which is also the name of the file it makes. */
  readonly name: string;
  readonly content: string;
  /** Whether variables in it are expanded: no part of the word was quoted. */
  readonly expand: boolean;
  /** The file descriptor in front of `<<`; zero when none is written. */
  readonly descriptor: number;
}

/** A command line of RUN, CMD, ENTRYPOINT or HEALTHCHECK. */
export type Command =
  /** One text for the shell of the stage; heredocs that are part of a longer command are in it as the shell reads them. */
  | { readonly form: 'shell'; readonly text: string }
  | { readonly form: 'exec'; readonly arguments: readonly string[] };

/** `FROM [--platform=] image [AS name]`. */
export interface FromInstruction extends Written {
  readonly kind: 'from';
  readonly image: string;
  readonly platform?: string;
  /** In lower case: stages are named without regard to case. */
  readonly name?: string;
}

/** `ARG name[=default]...`. */
export interface ArgInstruction extends Written {
  readonly kind: 'arg';
  readonly declarations: readonly { readonly name: string; readonly value?: string }[];
}

/** One `name=value` of ENV or LABEL. */
export interface Pair {
  readonly name: string;
  readonly value: string;
}

/** `ENV name=value...` and `ENV name value`. */
export interface EnvInstruction extends Written {
  readonly kind: 'env';
  readonly pairs: readonly Pair[];
}

/** `LABEL name=value...`. */
export interface LabelInstruction extends Written {
  readonly kind: 'label';
  readonly pairs: readonly Pair[];
}

/** `RUN`, with what is mounted while it runs. */
export interface RunInstruction extends Written {
  readonly kind: 'run';
  readonly command: Command;
  /**
   * Set when the whole command is one heredoc whose content begins with `#!`: a file of this name and content is
   * made executable outside of the image and run by the shell. `command` then holds its content.
   */
  readonly script?: { readonly name: string; readonly content: string };
  readonly mounts: readonly Mount[];
  readonly network: 'default' | 'none' | 'host';
}

/** Something that a RUN sees and that is no part of its layer. */
export type Mount = BindMount | CacheMount | TmpfsMount | SecretMount | SshMount;

/** `--mount=type=bind`: files of the context, of a stage or of an image. Changes to them are dropped. */
export interface BindMount {
  readonly type: 'bind';
  readonly target: string;
  /** Path in `from`, or in the context. */
  readonly source: string;
  readonly from?: string;
  readonly readOnly: boolean;
}

/** `--mount=type=cache`: a directory that lives on between builds. */
export interface CacheMount {
  readonly type: 'cache';
  readonly target: string;
  /** The target when none is given. Any text: who stores it must not take it as a path. */
  readonly id: string;
  readonly readOnly: boolean;
  readonly sharing: 'shared' | 'private' | 'locked';
  /** Stage or image whose directory `source` a new cache is a copy of; absent when it begins empty. */
  readonly from?: string;
  readonly source: string;
  /** Of the directory itself; absent when it has those of `source`. */
  readonly attributes?: { readonly mode: number; readonly uid: number; readonly gid: number };
}

/** `--mount=type=tmpfs`. */
export interface TmpfsMount {
  readonly type: 'tmpfs';
  readonly target: string;
  /** Bytes. */
  readonly size?: number;
}

/** `--mount=type=secret`: a file, a variable, or both. */
export interface SecretMount {
  readonly type: 'secret';
  readonly id: string;
  /** Absent when the secret is given as a variable only. */
  readonly target?: string;
  readonly variable?: string;
  readonly required: boolean;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** `--mount=type=ssh`: the socket of an agent. */
export interface SshMount {
  readonly type: 'ssh';
  readonly id: string;
  /** Absent: a path that the engine chooses. */
  readonly target?: string;
  readonly required: boolean;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** `COPY` and `ADD`. */
export interface CopyInstruction extends Written {
  readonly kind: 'copy' | 'add';
  /** Paths and patterns; for ADD also addresses. Behind them the files that heredocs make. */
  readonly sources: readonly string[];
  readonly inline: readonly Heredoc[];
  readonly destination: string;
  /** COPY only: a stage by name or number, or an image. Absent: the context. */
  readonly from?: string;
  readonly owner?: string;
  /** Octal or symbolic, as written. */
  readonly mode?: string;
  readonly link: boolean;
  readonly parents: boolean;
  /** Patterns in the form of `.dockerignore`, relative to the sources. */
  readonly exclude: readonly string[];
  /** ADD only: whether `.git` of a repository stays. */
  readonly keepGitDir: boolean;
  /** ADD only: the digest of what an address gives. */
  readonly checksum?: string;
  /** ADD only: `--unpack`; absent means that local archives are unpacked and fetched ones are not. */
  readonly unpack?: boolean;
}

/** `WORKDIR`. */
export interface WorkdirInstruction extends Written {
  readonly kind: 'workdir';
  readonly path: string;
}

/** `USER`. */
export interface UserInstruction extends Written {
  readonly kind: 'user';
  readonly user: string;
}

/** `EXPOSE`; once expanded each is `port/protocol`, ranges taken apart. */
export interface ExposeInstruction extends Written {
  readonly kind: 'expose';
  readonly ports: readonly string[];
}

/** `VOLUME`. */
export interface VolumeInstruction extends Written {
  readonly kind: 'volume';
  readonly paths: readonly string[];
}

/** `CMD` and `ENTRYPOINT`. */
export interface CommandInstruction extends Written {
  readonly kind: 'cmd' | 'entrypoint';
  readonly command: Command;
}

/** `SHELL`. */
export interface ShellInstruction extends Written {
  readonly kind: 'shell';
  readonly arguments: readonly string[];
}

/** `HEALTHCHECK`; without `command` it is `NONE`. Times in nanoseconds, as the config has them; zero means inherited. */
export interface HealthcheckInstruction extends Written {
  readonly kind: 'healthcheck';
  readonly command?: Command;
  readonly interval: number;
  readonly timeout: number;
  readonly startPeriod: number;
  readonly startInterval: number;
  readonly retries: number;
}

/** `STOPSIGNAL`. */
export interface StopsignalInstruction extends Written {
  readonly kind: 'stopsignal';
  readonly signal: string;
}

/** `ONBUILD`; the trigger goes into the config as text and was checked as an instruction. */
export interface OnbuildInstruction extends Written {
  readonly kind: 'onbuild';
  readonly trigger: string;
}

/** `MAINTAINER`. */
export interface MaintainerInstruction extends Written {
  readonly kind: 'maintainer';
  readonly name: string;
}

/** Everything that can stand in a stage behind FROM. */
export type Instruction =
  | ArgInstruction
  | EnvInstruction
  | LabelInstruction
  | RunInstruction
  | CopyInstruction
  | WorkdirInstruction
  | UserInstruction
  | ExposeInstruction
  | VolumeInstruction
  | CommandInstruction
  | ShellInstruction
  | HealthcheckInstruction
  | StopsignalInstruction
  | OnbuildInstruction
  | MaintainerInstruction;

/** A FROM and what follows it. */
export interface Stage {
  /** Place among the stages, from zero. */
  readonly index: number;
  readonly from: FromInstruction;
  readonly instructions: readonly Instruction[];
}

/** Something that is allowed and probably not meant. */
export interface Warning {
  /** The name that `# check=skip=` knows it by. */
  readonly rule: string;
  readonly message: string;
  readonly position: Position;
}

/** The comments at the top that have a meaning. */
export interface Directives {
  readonly escapeCharacter: '\\' | '`';
  /** Noted and not obeyed: no foreign program reads Dockerfiles here. */
  readonly syntax?: string;
  /** `# check=`: rules whose warnings are not wanted (`all` for every one), and whether warnings are errors. */
  readonly check: { readonly skip: readonly string[]; readonly error: boolean };
}

/** A parsed Dockerfile: plain data. */
export interface DockerfileAst {
  /** The file's name as it is shown in messages. */
  readonly name: string;
  readonly directives: Directives;
  /** ARG instructions in front of the first FROM. */
  readonly globals: readonly ArgInstruction[];
  readonly stages: readonly Stage[];
  readonly warnings: readonly Warning[];
}
