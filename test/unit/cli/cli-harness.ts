// SPDX-License-Identifier: Apache-2.0
// The command line run in this process, with streams of its own, against a real control server.
import { PassThrough, Readable, Writable } from 'node:stream';
import type { ControlOptions } from '../../../src/control/index.ts';
import { type Environment, type Input, type Io, type Output, run } from '../../../src/cli/index.ts';
import { splitDockerWords } from '../../../src/cli/docker-flags.ts';
import { FakeCluster } from '../../support/fake-cluster.ts';
import { checkPrinted } from '../../support/printed-json.ts';
import { type Harness, withControl } from '../control/control-harness.ts';

export const NOW_MS = Date.UTC(2026, 0, 15, 12);

export interface CliOptions {
  readonly stdin?: string | Uint8Array | Input;
  readonly env?: Environment;
  readonly asDockerPlugin?: boolean;
  readonly terminal?: boolean;
  readonly stdoutIsFile?: boolean;
  readonly runDirectory?: string;
  /** Called with what is to be done if the program is ended from outside. */
  readonly onEnding?: (work: () => void) => void;
}

export interface CliResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export type Cli = (argv: readonly string[], options?: CliOptions) => Promise<CliResult>;

export interface CliHarness extends Harness {
  readonly cli: Cli;
}

/** Runs `work` with a control server and a command line whose `COFFER_SOCKET` and home are the test's own. */
export async function withCli(
  overrides: Partial<ControlOptions>,
  work: (harness: CliHarness) => Promise<void>,
): Promise<void> {
  await withControl({ now_ms: () => NOW_MS, ...overrides }, async (harness) => {
    const { socketPath, directory } = harness;
    const cli: Cli = (argv, options = {}) =>
      runCli(argv, directory, { ...options, env: { COFFER_SOCKET: socketPath, ...options.env } });
    await work({ ...harness, cli });
  });
}

export interface ClusterCliHarness extends CliHarness {
  readonly cluster: FakeCluster;
}

/** As `withCli`, with a cluster of its own behind the control server. */
export async function withClusterCli(work: (harness: ClusterCliHarness) => Promise<void>): Promise<void> {
  const cluster = new FakeCluster();
  await withCli({ cluster: () => cluster }, (harness) => work({ ...harness, cluster }));
}

/** One run of the command line. What it prints as JSON is as its schema says. */
export async function runCli(
  argv: readonly string[],
  directory: string,
  options: CliOptions = {},
): Promise<CliResult> {
  const stdout = new Collected(options.terminal === true);
  const stderr = new Collected(options.terminal === true);
  const io: Io = {
    stdin: inputOf(options.stdin),
    stdout,
    stdoutIsFile: () => options.stdoutIsFile ?? false,
    stderr,
    env: options.env ?? {},
    homeDirectory: directory,
    runDirectory: options.runDirectory ?? directory,
    asDockerPlugin: options.asDockerPlugin ?? false,
    now_ms: () => NOW_MS + 90_000,
    pause: () => Promise.resolve(),
    whenEnded: (work) => {
      options.onEnding?.(work);
      return () => undefined;
    },
  };
  const code = await run(argv, io);
  await checkPrinted(io.asDockerPlugin ? splitDockerWords(argv).words : argv, stdout.text);
  return { code, stdout: stdout.text, stderr: stderr.text };
}

/** A terminal on which `keys` are typed once it is read from. It remembers how its raw mode was set. */
export class Keyboard extends PassThrough {
  readonly isTTY = true;
  readonly rawModes: boolean[] = [];

  constructor(...keys: readonly string[]) {
    super();
    for (const key of keys) {
      this.write(key);
    }
  }

  setRawMode(raw: boolean): void {
    this.rawModes.push(raw);
  }
}

class Collected extends Writable implements Output {
  readonly isTTY: boolean;
  text = '';

  constructor(isTTY: boolean) {
    super();
    this.isTTY = isTTY;
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

function inputOf(stdin: CliOptions['stdin']): Input {
  if (stdin instanceof Readable) {
    return stdin;
  }
  return Readable.from(stdin === undefined ? [] : [Buffer.from(stdin)]);
}
