// SPDX-License-Identifier: Apache-2.0
// A person's shell on the host of the demonstration's engine.
import { mkdirSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { type CommandResult, tryCommand } from '../support/command.ts';
import { defaultDockerCli } from '../support/docker-cli.ts';
import type { Engine } from '../support/engine.ts';
import { builtFile } from '../support/project.ts';
import { waitFor } from '../support/wait-for.ts';
import * as screen from './screen.ts';

export class Shell {
  readonly #engine: Engine;
  readonly #home: string;

  /** Puts `docker` and `docker coffer` into a home directory of their own. */
  constructor(engine: Engine) {
    this.#engine = engine;
    this.#home = path.join(engine.directory, 'home');
    const plugins = path.join(this.#home, '.docker', 'cli-plugins');
    const programs = path.join(this.#home, 'bin');
    mkdirSync(plugins, { recursive: true });
    mkdirSync(programs);
    const coffer = builtFile('dist/coffer.cjs', 'make build');
    symlinkSync(coffer, path.join(plugins, 'docker-coffer'));
    symlinkSync(coffer, path.join(programs, 'coffer'));
    symlinkSync(defaultDockerCli().path, path.join(programs, 'docker'));
  }

  /** Makes the private engine the one that `docker` speaks to. */
  async useEngine(): Promise<void> {
    const host = `host=unix://${this.#engine.socket}`;
    await this.#execute(`docker context create private --docker ${host} && docker context use private`);
  }

  /** Shows a command line, runs it, shows what it wrote. Rejects if its exit code is not the expected one. */
  async run(line: string, expectedCode = 0): Promise<CommandResult> {
    screen.command(line);
    const result = await this.#execute(line);
    screen.output(result.stdout + result.stderr);
    if (result.code !== expectedCode) {
      throw new Error(`exit code ${result.code} instead of ${expectedCode}: ${line}`);
    }
    return result;
  }

  /** Waits, without showing it, until a command line succeeds. */
  async until(line: string, what: string): Promise<void> {
    const succeeds = async (): Promise<true> => {
      const { code, stderr } = await this.#execute(line);
      if (code !== 0) {
        throw new Error(stderr.trim());
      }
      return true;
    };
    await waitFor(succeeds, { what, timeout_ms: 60_000, interval_ms: 200 });
  }

  async #execute(line: string): Promise<CommandResult> {
    const [program, ...args] = this.#engine.box.inside(['sh', '-c', line]);
    return tryCommand([program, ...args], {
      env: {
        PATH: `${this.#home}/bin:${path.dirname(process.execPath)}:/usr/sbin:/usr/bin:/sbin:/bin`,
        HOME: this.#home,
        NO_COLOR: '1',
      },
      cwd: this.#home,
      timeout_ms: 120_000,
    });
  }
}
