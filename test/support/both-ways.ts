// SPDX-License-Identifier: Apache-2.0
// The same command on the engine's own socket and through a gateway: a user must see no difference.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { pipeline } from 'node:stream/promises';
import type { Readable } from 'node:stream';
import type { CommandResult } from './command.ts';
import { type DockerCli, defaultDockerCli } from './docker-cli.ts';
import type { DockerOptions, Engine } from './engine.ts';

/** What a run came to, as a user sees it. */
export interface Seen {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface BothWaysOptions extends DockerOptions {
  /** Takes out of an output what differs from run to run: ids, times. */
  readonly normal?: (text: string) => string;
}

/**
 * Runs `docker` with `args` directly and then through the gateway; throws unless code, output and errors are the
 * same. Resolves to the gateway's run.
 */
export async function sameBothWays(
  engine: Engine,
  gatewaySocket: string,
  args: readonly string[] | ((way: 'direct' | 'gateway') => readonly string[]),
  options: BothWaysOptions = {},
): Promise<CommandResult> {
  const { normal = (text: string) => text, ...rest } = options;
  const argsFor = typeof args === 'function' ? args : () => args;
  const direct = await engine.tryDocker(argsFor('direct'), rest);
  const through = await engine.tryDocker(argsFor('gateway'), { ...rest, socket: gatewaySocket });
  const seen = ({ code, stdoutBytes, stderr }: CommandResult): Seen => ({
    code,
    stdout: normal(stdoutBytes.toString('latin1')),
    stderr: normal(stderr),
  });
  const version = (rest.cli ?? defaultDockerCli()).version;
  assert.deepEqual(seen(through), seen(direct), `docker ${version} ${argsFor('gateway').join(' ')}`);
  return through;
}

/** A `docker` that runs while the test does something else. */
export class RunningDocker {
  readonly #exited: Promise<number>;
  readonly #child: ReturnType<typeof spawn>;
  #stdout = '';
  #stderr = '';

  constructor(
    engine: Engine,
    socket: string,
    args: readonly string[],
    options: { readonly cli?: DockerCli; readonly input?: Readable } = {},
  ) {
    const child = spawn((options.cli ?? defaultDockerCli()).path, args, {
      env: { PATH: process.env['PATH'] ?? '', DOCKER_HOST: `unix://${socket}`, HOME: engine.directory },
      stdio: 'pipe',
    });
    this.#child = child;
    child.stdout.on('data', (chunk: Buffer) => {
      this.#stdout += chunk.toString('utf8');
    });
    child.stderr.on('data', (chunk: Buffer) => {
      this.#stderr += chunk.toString('utf8');
    });
    if (options.input === undefined) {
      child.stdin.end();
    } else {
      // A program that ends without reading all of it is seen by its exit code.
      pipeline(options.input, child.stdin).catch(() => undefined);
    }
    this.#exited = once(child, 'close').then(([code]: unknown[]) => (typeof code === 'number' ? code : -1));
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** The exit code; -1 after a signal. */
  async ended(timeout_ms = 20_000): Promise<number> {
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), timeout_ms);
    try {
      return await this.#exited;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends it as Ctrl-C does not: at once, so that its connection is cut. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited;
  }
}
