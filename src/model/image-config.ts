/**
 * Image configuration (OCI image-spec, config.md) with Docker's additions.
 *
 * The parsed JSON tree is kept whole and edited, never re-typed: fields that are not known here
 * (`Healthcheck`, `OnBuild`, `Shell`, vendor fields) survive a build untouched.
 */

import { BuildError } from '../errors/index.ts';
import { parseStringMap } from './descriptor.ts';
import { type Digest, parseDigest } from './digest.ts';
import {
  isJsonObject,
  type Json,
  type JsonObject,
  parseJsonObject,
  refuseOtherSpelling,
} from './json.ts';
import { normalizePlatform, type Platform } from './platform.ts';

/** The most bytes of an image config that are read. */
export const maxConfigSize = 8 * 1024 * 1024;

/** The part of a config that says how to run the image. */
export interface ExecutionConfig {
  /** `user`, `uid`, `user:group` or `uid:gid`; empty means root. */
  readonly user: string;
  /** `NAME=value` strings, in order. */
  readonly env: readonly string[];
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  readonly workingDir: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly onBuild: readonly string[];
  readonly volumes: readonly string[];
  readonly exposedPorts: readonly string[];
  readonly stopSignal?: string;
}

/** One entry of an image's history. */
export interface HistoryEntry {
  readonly created?: string;
  readonly created_by?: string;
  readonly author?: string;
  readonly comment?: string;
  readonly empty_layer?: boolean;
}

/** A parsed image config. */
export interface ImageConfig {
  readonly platform: Platform;
  readonly diffIds: readonly Digest[];
  readonly history: readonly HistoryEntry[];
  readonly execution: ExecutionConfig;
  /** The whole document as parsed. */
  readonly document: JsonObject;
}

/** What a new image changes in the `config` object of its parent; absent keys are inherited. */
export interface ExecutionChanges {
  readonly User?: string;
  readonly Env?: readonly string[];
  readonly Entrypoint?: readonly string[] | null;
  readonly Cmd?: readonly string[] | null;
  readonly WorkingDir?: string;
  readonly Labels?: Readonly<Record<string, string>>;
  readonly [key: string]: Json | undefined;
}

/**
 * Parses an image config.
 *
 * @throws BuildError `IMAGE_CONFIG_INVALID`, `DIGEST_INVALID`, `LIMIT_EXCEEDED`
 */
export function parseImageConfig(raw: Uint8Array, what: string): ImageConfig {
  if (raw.length > maxConfigSize)
    throw new BuildError('LIMIT_EXCEEDED', `${what} is larger than ${maxConfigSize} bytes`);
  const document = parseJsonObject(raw, what, 'IMAGE_CONFIG_INVALID');
  refuseOtherSpelling(document, documentKeys, what, 'IMAGE_CONFIG_INVALID');
  const { os, architecture, variant, rootfs } = document;
  if (typeof os !== 'string' || typeof architecture !== 'string') {
    throw new BuildError('IMAGE_CONFIG_INVALID', `${what} lacks os or architecture`);
  }
  const diffIds =
    isJsonObject(rootfs) && rootfs['type'] === 'layers' ? rootfs['diff_ids'] : undefined;
  if (!Array.isArray(diffIds))
    throw new BuildError('IMAGE_CONFIG_INVALID', `${what} has no rootfs.diff_ids`);
  return {
    platform: normalizePlatform({
      os,
      architecture,
      ...(typeof variant === 'string' ? { variant } : {}),
    }),
    diffIds: diffIds.map((diffId) => parseDigest(diffId)),
    history: parseHistory(document['history'], what),
    execution: parseExecution(document['config'], what),
    document,
  };
}

const documentKeys = ['architecture', 'os', 'variant', 'config', 'rootfs', 'history'];

const executionKeys = [
  ...['User', 'Env', 'Entrypoint', 'Cmd', 'WorkingDir', 'Labels'],
  ...['OnBuild', 'Volumes', 'ExposedPorts', 'StopSignal'],
];

function parseExecution(json: Json | undefined, what: string): ExecutionConfig {
  const config = json ?? {};
  if (!isJsonObject(config))
    throw new BuildError('IMAGE_CONFIG_INVALID', `config of ${what} is not an object`);
  refuseOtherSpelling(config, executionKeys, `config of ${what}`, 'IMAGE_CONFIG_INVALID');
  const stopSignal = config['StopSignal'];
  return {
    user: textOf(config['User'], 'User', what),
    env: environmentOf(config['Env'], what),
    entrypoint: listOf(config['Entrypoint'], 'Entrypoint', what),
    cmd: listOf(config['Cmd'], 'Cmd', what),
    workingDir: textOf(config['WorkingDir'], 'WorkingDir', what),
    labels: parseStringMap(config['Labels'], `labels of ${what}`) ?? {},
    onBuild: listOf(config['OnBuild'], 'OnBuild', what),
    volumes: keysOf(config['Volumes']),
    exposedPorts: keysOf(config['ExposedPorts']),
    ...(typeof stopSignal === 'string' && stopSignal !== '' ? { stopSignal } : {}),
  };
}

function parseHistory(json: Json | undefined, what: string): readonly HistoryEntry[] {
  if (json === undefined || json === null) return [];
  if (!Array.isArray(json) || !json.every(isJsonObject)) {
    throw new BuildError('IMAGE_CONFIG_INVALID', `history of ${what} is not a list of objects`);
  }
  return json as readonly HistoryEntry[];
}

function textOf(value: Json | undefined, key: string, what: string): string {
  if (value === undefined || value === null) return '';
  if (typeof value !== 'string')
    throw new BuildError('IMAGE_CONFIG_INVALID', `${key} of ${what} is not a string`);
  if (value.includes('\0'))
    throw new BuildError('IMAGE_CONFIG_INVALID', `${key} of ${what} holds a NUL character`);
  return value;
}

function listOf(value: Json | undefined, key: string, what: string): readonly string[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value))
    throw new BuildError('IMAGE_CONFIG_INVALID', `${key} of ${what} is not a list`);
  return value.map((item) => {
    if (typeof item !== 'string')
      throw new BuildError(
        'IMAGE_CONFIG_INVALID',
        `${key} of ${what} holds something that is not a string`,
      );
    return textOf(item, key, what);
  });
}

/** Runtimes fail on a variable without a name, and differ over one without a value. */
function environmentOf(value: Json | undefined, what: string): readonly string[] {
  const variables = listOf(value, 'Env', what);
  if (variables.some((variable) => variable.indexOf('=') < 1))
    throw new BuildError(
      'IMAGE_CONFIG_INVALID',
      `Env of ${what} holds something that is no variable`,
    );
  return variables;
}

function keysOf(value: Json | undefined): readonly string[] {
  return isJsonObject(value) ? Object.keys(value) : [];
}
