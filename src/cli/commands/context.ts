// SPDX-License-Identifier: Apache-2.0
import type { Command } from 'commander';
import * as v from 'valibot';
import { usageError } from '../command-error.ts';
import {
  type DockerConfig,
  dockerDirectory,
  readContextHost,
  readDockerConfig,
  writeContext,
  writeDockerConfig,
} from '../docker-config.ts';
import { gatewayOnHost } from '../find-daemon.ts';
import { HOOKED_COMMANDS } from '../hooks.ts';
import type { Session } from '../session.ts';
import { addExamples, formatOption } from './options.ts';

interface ContextOptions {
  readonly name: string;
  readonly use?: boolean;
  readonly hooks?: boolean;
  readonly format: string;
}

/** What docker takes as the name of a context (docker/cli, cli/context/store). */
const CONTEXT_NAME_PATTERN = /^[a-zA-Z0-9][a-zA-Z0-9_.+-]+$/;
/** Where a gateway of coffer's may have been before: such a context is ours to bring up to date. */
const GATEWAY_HOST_PATTERN = /^unix:\/\/\S*\/(coffer|plugins\/[0-9a-f]{64})\/docker\.sock$/;

/** What docker heeds before the current context. */
const OVERRIDES = ['DOCKER_HOST', 'DOCKER_CONTEXT'] as const;

const objectOrNothing = v.fallback(v.record(v.string(), v.unknown()), {});

export function addContext(program: Command, session: Session): void {
  const command = program
    .command('context')
    .description("Make the docker context that sends docker's commands through coffer's gateway.")
    .usage('[OPTIONS]')
    .option('--name <name>', 'the name of the context', 'coffer')
    .option('--use', 'make it the current context')
    .option(
      '--hooks',
      'let docker print a hint to "docker coffer why" after a failed service create or update',
    )
    .addOption(formatOption('text'))
    .action((options: ContextOptions) => makeContext(session, options));
  addExamples(command, session, [
    ['coffer context --use', 'make it, and use it from now on'],
    ['coffer context --name vault --hooks', 'under another name, with the hints'],
  ]);
}

async function makeContext(session: Session, options: ContextOptions): Promise<void> {
  const { name } = options;
  if (!CONTEXT_NAME_PATTERN.test(name) || name === 'default') {
    throw usageError(
      `${name} cannot be the name of a context`,
      'Two or more of a-z A-Z 0-9 _ . + -, not default.',
    );
  }
  const directory = dockerDirectory(session.io, session.dockerFlags);
  const config = readDockerConfig(directory);
  const client = await session.client();
  const host = `unix://${gatewayOnHost(await client.status(), client.socketPath)}`;
  const before = readContextHost(directory, name);
  if (before !== undefined && before !== host && !GATEWAY_HOST_PATTERN.test(before)) {
    throw usageError(
      `there is a context ${name} that is not coffer's`,
      `Choose another name with --name, or remove it: docker context rm ${name}`,
    );
  }
  if (before !== host) {
    writeContext(directory, name, host);
  }
  const wanted = configWith(config, options);
  if (JSON.stringify(wanted) !== JSON.stringify(config)) {
    writeDockerConfig(directory, wanted);
  }
  report(session, options, host, wanted);
}

function configWith(config: DockerConfig, { name, use, hooks }: ContextOptions): DockerConfig {
  return {
    ...config,
    ...(use === true && { currentContext: name }),
    ...(hooks === true && hookSettings(config)),
  };
}

/** `features.hooks` is off by default in docker CLI 28, and without it the rest means nothing. */
function hookSettings(config: DockerConfig): DockerConfig {
  const plugins = v.parse(objectOrNothing, config['plugins']);
  const coffer = v.parse(objectOrNothing, plugins['coffer']);
  const features = v.parse(objectOrNothing, config['features']);
  const commands = HOOKED_COMMANDS.join(',');
  return {
    features: { ...features, hooks: 'true' },
    plugins: { ...plugins, coffer: { ...coffer, hooks: commands, 'error-hooks': commands } },
  };
}

function report(
  session: Session,
  { name, use, hooks, format }: ContextOptions,
  host: string,
  config: DockerConfig,
): void {
  const current = config['currentContext'] === name;
  if (format === 'json') {
    session.printJson({ name, host, current, hooks: hooks === true });
    return;
  }
  session.print(`Context ${name} leads to ${host}.`);
  session.print(current ? 'It is the current context.' : `Use it: docker context use ${name}`);
  const override = OVERRIDES.find((variable) => (session.io.env[variable] ?? '') !== '');
  if (use === true && override !== undefined) {
    session.complain(`${override} is set and overrides the current context`, `Type: unset ${override}`);
  }
}
