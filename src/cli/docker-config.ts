// SPDX-License-Identifier: Apache-2.0
// The docker command line's own files: config.json and the contexts (docker/cli, cli/config and cli/context/store).
import { createHash, randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as v from 'valibot';
import { CofferError, parseJson, systemErrorCode } from '../common/index.ts';
import { usageError } from './command-error.ts';
import type { DockerFlags } from './docker-flags.ts';
import type { Io } from './io.ts';

export type DockerConfig = Readonly<Record<string, unknown>>;

const DIRECTORY_MODE = 0o755;
const CONTEXT_FILE_MODE = 0o644;
/** config.json may hold credentials for registries. */
const CONFIG_FILE_MODE = 0o600;

const contextMetadata = v.object({
  Name: v.string(),
  Endpoints: v.object({ docker: v.optional(v.object({ Host: v.optional(v.string()) })) }),
});

/** Where docker keeps its configuration: `--config`, `DOCKER_CONFIG`, or `~/.docker`. */
export function dockerDirectory(io: Io, flags: DockerFlags): string {
  const named = flags.config ?? io.env['DOCKER_CONFIG'] ?? '';
  return named === '' ? path.join(io.homeDirectory, '.docker') : path.resolve(named);
}

/** Reads config.json; `{}` where there is none. Throws, and so changes nothing, where it is not a JSON object. */
export function readDockerConfig(directory: string): DockerConfig {
  const file = path.join(directory, 'config.json');
  return dockerConfigIn(readIfThere(file) ?? '', file);
}

/** What stands in config.json. Throws where it is not a JSON object. */
export function dockerConfigIn(text: string, file: string): DockerConfig {
  if (text.trim() === '') {
    return {};
  }
  const config = v.safeParse(v.record(v.string(), v.unknown()), parseJson(text));
  if (!config.success) {
    throw usageError(`${file} is not a JSON object`, 'Mend or move that file; it was left as it is.');
  }
  return config.output;
}

/** Writes config.json, indented as docker does, through a symbolic link if it is one, with the mode it has. */
export function writeDockerConfig(directory: string, config: DockerConfig): void {
  const file = path.join(directory, 'config.json');
  writeAtomically(file, `${JSON.stringify(config, undefined, '\t')}\n`.trimEnd(), CONFIG_FILE_MODE);
}

/** The host of a context's docker endpoint, `''` if it has none; undefined where there is no such context. */
export function readContextHost(directory: string, name: string): string | undefined {
  const text = readIfThere(contextFile(directory, name));
  return text === undefined ? undefined : contextHostIn(text);
}

/** The host of the docker endpoint in a context's meta.json; undefined where it is none. */
export function contextHostIn(text: string): string | undefined {
  const metadata = v.safeParse(contextMetadata, parseJson(text));
  return metadata.success ? (metadata.output.Endpoints.docker?.Host ?? '') : '';
}

/** Writes the context that `docker context create NAME --docker host=HOST` would write, byte for byte. */
export function writeContext(directory: string, name: string, host: string): void {
  const metadata = { Name: name, Metadata: {}, Endpoints: { docker: { Host: host, SkipTLSVerify: false } } };
  writeAtomically(contextFile(directory, name), JSON.stringify(metadata), CONTEXT_FILE_MODE);
}

function contextFile(directory: string, name: string): string {
  const id = createHash('sha256').update(name).digest('hex');
  return path.join(directory, 'contexts', 'meta', id, 'meta.json');
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (thrown) {
    if (systemErrorCode(thrown) === 'ENOENT') {
      return undefined;
    }
    throw usageError(`cannot read ${file}: ${CofferError.from(thrown).detail}`);
  }
}

/** Whoever reads the file meanwhile sees it as it was or as it will be. */
function writeAtomically(file: string, text: string, mode: number): void {
  const target = targetOf(file);
  const temporary = `${target}.${randomUUID()}`;
  try {
    mkdirSync(path.dirname(target), { recursive: true, mode: DIRECTORY_MODE });
    const there = statSync(target, { throwIfNoEntry: false });
    writeFileSync(temporary, text, { mode: there === undefined ? mode : there.mode & 0o777, flush: true });
    renameSync(temporary, target);
  } catch (thrown) {
    rmSync(temporary, { force: true });
    throw usageError(`cannot write ${file}: ${CofferError.from(thrown).detail}`);
  }
}

function targetOf(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    return file;
  }
}
