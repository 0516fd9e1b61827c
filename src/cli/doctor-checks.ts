// SPDX-License-Identifier: Apache-2.0
// What doctor can only see from the user's side: the socket, the docker command and its contexts.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { CofferError } from '../common/index.ts';
import type { Check, DaemonStatus } from '../control/index.ts';
import { CommandError } from './command-error.ts';
import type { ControlClient } from './control-client.ts';
import { dockerDirectory, readContextHost, readDockerConfig } from './docker-config.ts';
import { gatewayOnHost } from './find-daemon.ts';
import type { Session } from './session.ts';

const DOCKER_TIMEOUT_MS = 5_000;
const DOCKER_OUTPUT_BYTES_MAX = 64 * 1024;
const DEFAULT_CONTEXT = 'default';
const COFFER_CONTEXT = 'coffer';

const runFile = promisify(execFile);

/** All checks, the daemon's own last. A check that cannot be made is a check that failed: nothing is thrown. */
export async function clientChecks(session: Session): Promise<readonly Check[]> {
  const daemon = await checkDaemon(session);
  const docker = await checkDocker(session);
  if (daemon.status === undefined || daemon.client === undefined) {
    return [daemon.check, ...docker];
  }
  const gateway = `unix://${gatewayOnHost(daemon.status, daemon.client.socketPath)}`;
  return [
    daemon.check,
    ...docker,
    ...checkContexts(session, gateway),
    ...(await checksOfDaemon(daemon.client)),
  ];
}

interface DaemonFound {
  readonly check: Check;
  readonly client?: ControlClient;
  readonly status?: DaemonStatus;
}

async function checkDaemon(session: Session): Promise<DaemonFound> {
  try {
    const client = await session.client();
    const status = await client.status();
    const { state, reason } = status;
    const message = `${status.version} at ${client.socketPath} is ${state}`;
    if (reason?.code === 'cluster.not-a-manager') {
      const worker = `${status.version} at ${client.socketPath}: ${reason.message}`;
      return { check: { name: 'daemon', level: 'ok', message: worker }, client, status };
    }
    if (state === 'serving') {
      return { check: { name: 'daemon', level: 'ok', message }, client, status };
    }
    const why = reason === undefined ? message : `${message}: ${reason.message}`;
    const level = state === 'starting' ? 'warning' : 'failure';
    return { check: { name: 'daemon', level, message: why, mend: reason?.hint }, client, status };
  } catch (thrown) {
    return { check: failed('daemon', thrown) };
  }
}

async function checksOfDaemon(client: ControlClient): Promise<readonly Check[]> {
  try {
    return await client.checks();
  } catch (thrown) {
    return [failed('daemon checks', thrown)];
  }
}

async function checkDocker(session: Session): Promise<readonly Check[]> {
  const version = await docker(session, ['--version']);
  if (version === undefined) {
    const mend = 'install docker.io or docker-ce-cli; the coffer command works without it';
    return [{ name: 'docker', level: 'warning', message: 'there is no docker command here', mend }];
  }
  const found: Check = { name: 'docker', level: 'ok', message: version };
  if ((await docker(session, ['coffer', 'version']))?.startsWith('coffer ') === true) {
    return [found, { name: 'cli plugin', level: 'ok', message: 'docker coffer works' }];
  }
  const plugins = `${dockerDirectory(session.io, session.dockerFlags)}/cli-plugins`;
  return [
    found,
    {
      name: 'cli plugin',
      level: 'warning',
      message: 'docker does not know the command docker coffer',
      mend: `mkdir -p ${plugins} && ln -s "$(command -v coffer)" ${plugins}/docker-coffer`,
    },
  ];
}

/** What a docker command prints, or undefined if it fails. Neither of those used here asks an engine. */
async function docker(session: Session, words: readonly string[]): Promise<string | undefined> {
  const { config } = session.dockerFlags;
  try {
    const { stdout } = await runFile(
      'docker',
      [...(config === undefined ? [] : ['--config', config]), ...words],
      {
        env: session.io.env,
        timeout: DOCKER_TIMEOUT_MS,
        killSignal: 'SIGKILL',
        maxBuffer: DOCKER_OUTPUT_BYTES_MAX,
      },
    );
    return stdout.trim();
  } catch {
    return undefined;
  }
}

function checkContexts(session: Session, gateway: string): readonly Check[] {
  try {
    return [checkContext(session, gateway), checkCurrent(session, gateway)];
  } catch (thrown) {
    return [failed('docker context', thrown)];
  }
}

function checkContext(session: Session, gateway: string): Check {
  const name = 'docker context';
  const mend = `${session.name} context`;
  const host = readContextHost(dockerDirectory(session.io, session.dockerFlags), COFFER_CONTEXT);
  if (host === undefined) {
    return { name, level: 'warning', message: `there is no context ${COFFER_CONTEXT}`, mend };
  }
  return host === gateway
    ? { name, level: 'ok', message: `${COFFER_CONTEXT} leads to ${gateway}` }
    : {
        name,
        level: 'failure',
        message: `${COFFER_CONTEXT} leads to ${host}, but the gateway is at ${gateway}`,
        mend,
      };
}

/** Which engine a plain docker command speaks to. */
function checkCurrent(session: Session, gateway: string): Check {
  const name = 'current context';
  const directory = dockerDirectory(session.io, session.dockerFlags);
  const { host, source, undo } = dockerTarget(session, directory);
  if (host === gateway) {
    return { name, level: 'ok', message: "docker's commands go through the gateway" };
  }
  return {
    name,
    level: 'warning',
    message: `docker's commands go past coffer, by ${source}`,
    mend: [...(undo === undefined ? [] : [undo]), `docker context use ${COFFER_CONTEXT}`].join('; '),
  };
}

interface DockerTarget {
  readonly host: string | undefined;
  readonly source: string;
  readonly undo?: string;
}

/** Docker's own order, as 20.10 and 28 were seen to follow it: flags, DOCKER_HOST, DOCKER_CONTEXT, config.json. */
function dockerTarget({ io, dockerFlags }: Session, directory: string): DockerTarget {
  const { context = '', host = '' } = dockerFlags;
  const { DOCKER_HOST = '', DOCKER_CONTEXT = '' } = io.env;
  if (context !== '') {
    return { host: readContextHost(directory, context), source: `the flag --context ${context}` };
  }
  if (host !== '') {
    return { host, source: 'the flag --host' };
  }
  if (DOCKER_HOST !== '') {
    return { host: DOCKER_HOST, source: 'DOCKER_HOST', undo: 'unset DOCKER_HOST' };
  }
  if (DOCKER_CONTEXT !== '') {
    return {
      host: readContextHost(directory, DOCKER_CONTEXT),
      source: 'DOCKER_CONTEXT',
      undo: 'unset DOCKER_CONTEXT',
    };
  }
  const configured = configuredContext(directory);
  return { host: readContextHost(directory, configured), source: `the context ${configured}` };
}

function configuredContext(directory: string): string {
  const { currentContext } = readDockerConfig(directory);
  return typeof currentContext === 'string' && currentContext !== '' ? currentContext : DEFAULT_CONTEXT;
}

function failed(name: string, thrown: unknown): Check {
  if (thrown instanceof CommandError) {
    return { name, level: 'failure', message: thrown.message, mend: thrown.hint };
  }
  return { name, level: 'failure', message: CofferError.from(thrown).detail };
}
