// SPDX-License-Identifier: Apache-2.0
// Containers of the test image that no service has made, and what is in them: as docker tells it, and at once.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { TEST_IMAGE } from './busybox.ts';
import type { CommandResult } from './command.ts';
import type { Engine } from './engine.ts';
import { linesOf } from './installation.ts';

/** Where the containers of the tests have their secrets. */
export const TARGET = '/run/secrets';

/** The words of a `docker run` of the test image, for a machine without bridge. */
export function containerRun(
  name: string,
  words: readonly string[],
  command: readonly string[] = [],
): string[] {
  return ['run', '--name', name, '--network', 'host', ...words, TEST_IMAGE, ...command];
}

/** A container that runs. */
export class Container {
  readonly engine: Engine;
  readonly id: string;
  readonly #pid: string;

  private constructor(engine: Engine, id: string, pid: string) {
    this.engine = engine;
    this.id = id;
    this.#pid = pid;
  }

  /** Runs the test image in the background; rejects with docker's error if it does not start. */
  static async start(
    engine: Engine,
    name: string,
    words: readonly string[],
    command: readonly string[] = [],
  ): Promise<Container> {
    const { stdout } = await engine.docker(containerRun(name, ['--detach', ...words], command));
    return Container.of(engine, stdout.trim());
  }

  /** One that runs already, by its id or name; after a restart it is another process. */
  static async of(engine: Engine, idOrName: string): Promise<Container> {
    const format = '{{.State.Running}} {{.State.Pid}} {{.Id}}';
    const { stdout } = await engine.docker(['inspect', '--format', format, idOrName]);
    const [running, pid = '', id = ''] = stdout.trim().split(' ');
    if (running !== 'true') {
      throw new Error(`the container ${idOrName} does not run`);
    }
    return new Container(engine, id, pid);
  }

  /** Runs a program in it; rejects unless it exits with code 0. */
  async exec(command: readonly string[]): Promise<CommandResult> {
    return this.engine.docker(['exec', this.id, ...command]);
  }

  /** Runs a program in it; resolves whatever its exit code is. */
  async tryExec(command: readonly string[], words: readonly string[] = []): Promise<CommandResult> {
    return this.engine.tryDocker(['exec', ...words, this.id, ...command]);
  }

  /** A path in it, as the test reaches it without docker: it sees what the container's processes see. */
  reach(inside: string): string {
    return this.engine.box.reach(path.join('/proc', this.#pid, 'root', inside));
  }

  /** The names of its secrets. */
  files(): readonly string[] {
    return readdirSync(this.reach(TARGET)).sort();
  }

  /** A secret as it is now. */
  read(file: string, target = TARGET): string {
    return readFileSync(this.reach(path.join(target, file)), 'utf8');
  }

  async stop(): Promise<void> {
    await this.engine.docker(['stop', this.id]);
  }

  async remove(): Promise<void> {
    await this.engine.docker(['rm', '--force', this.id]);
  }
}

/** Removes every container of an engine, running or not. */
export async function removeContainers(engine: Engine): Promise<void> {
  const ids = linesOf((await engine.docker(['ps', '--all', '--quiet'])).stdout);
  if (ids.length > 0) {
    await engine.docker(['rm', '--force', ...ids]);
  }
}
