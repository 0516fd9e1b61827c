// SPDX-License-Identifier: Apache-2.0
// A slow and lossy wire between two interfaces, for kernels that have no netem: see network-wire.pl.
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import type { Readable, Writable } from 'node:stream';
import type { HostBox } from './host-box.ts';
import { projectRoot } from './project.ts';

/** How a host's frames travel: each is late by `delay_ms`, give or take `jitter_ms`, unless it is lost. */
export interface Delay {
  readonly delay_ms: number;
  readonly jitter_ms: number;
  readonly loss_percent: number;
}

export class NetworkWire {
  readonly #process: ChildProcessByStdio<Writable, Readable, null>;

  private constructor(process: ChildProcessByStdio<Writable, Readable, null>) {
    this.#process = process;
  }

  /** Makes the two interfaces in the network of `box`. They are there, and down, when this resolves. */
  static async start(box: HostBox, hostSide: string, networkSide: string): Promise<NetworkWire> {
    const script = path.join(projectRoot(), 'test', 'support', 'network-wire.pl');
    const [program, ...args] = box.insideNetwork(['perl', script, hostSide, networkSide]);
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    child.stdin.on('error', () => undefined);
    const ready = await Promise.race([once(child.stdout, 'data'), once(child, 'exit').then(() => undefined)]);
    if (ready === undefined) {
      throw new Error(`there is no wire from ${hostSide} to ${networkSide}`);
    }
    return new NetworkWire(child);
  }

  /** Sets what holds for frames from the host's side from now on; those under way are not hurried. */
  set({ delay_ms, jitter_ms, loss_percent }: Delay): void {
    this.#process.stdin.write(`${delay_ms} ${jitter_ms} ${loss_percent}\n`);
  }

  /** Ends it, and with it both interfaces. */
  async stop(): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      const ended = once(this.#process, 'exit');
      this.#process.stdin.end();
      await ended;
    }
  }
}
