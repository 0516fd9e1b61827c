// SPDX-License-Identifier: Apache-2.0
// A host of its own for an engine, made of Linux namespaces: processes, mounts, network, name. Its first
// process ends when the test's process does, and the kernel then ends all others and drops all mounts, so
// that nothing can be left behind. It has its own /run/docker/plugins, where engines look for plugins.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, readdirSync, readlinkSync, rmdirSync } from 'node:fs';
import path from 'node:path';
import {
  atProcessEnd,
  killProcess,
  retryForAWhile,
  temporaryDirectory,
  type TemporaryDirectory,
} from './cleanup.ts';
import { dockerClis } from './docker-cli.ts';
import { waitFor } from './wait-for.ts';

const cgroupRoot = '/sys/fs/cgroup';

/**
 * Shell: puts the programs of the folder "$3" in the place of the box's own. Everything is below /usr (/bin, /sbin and /lib lead
 * there); configuration, devices and sockets stay the outer host's, and so do /usr/local and the programs from "$4" on.
 */
const otherPrograms = [
  'mkdir -p "$3/usr/local"',
  'mount --bind /usr/local "$3/usr/local"',
  'for program in "${@:4}"; do',
  '  [[ -e "$3$program" ]] || : > "$3$program"',
  '  mount --bind "$program" "$3$program"',
  'done',
  'mount --rbind "$3/usr" /usr',
];

/** The processes that `pid` started and that still run, as the outer host numbers them. */
export function childrenOf(pid: number): readonly number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    return text === '' ? [] : text.split(' ').map(Number);
  } catch {
    return [];
  }
}

function pidNamespaceOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    return undefined;
  }
}

/** The cgroups that a process is in, each as a path below its controller's. */
function cgroupsOf(pid: number): readonly string[] {
  try {
    const lines = readFileSync(`/proc/${pid}/cgroup`, 'utf8').trim().split('\n');
    return lines.map((line) => line.slice(line.indexOf(':', line.indexOf(':') + 1) + 1));
  } catch {
    return [];
  }
}

function removeCgroup(directory: string): void {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    if (entry.isDirectory()) {
      removeCgroup(path.join(directory, entry.name));
    }
  }
  rmdirSync(directory);
}

/** Removes the cgroups of these names under every controller; those that are not there are no error. */
function removeCgroups(names: readonly string[]): true {
  for (const name of names) {
    for (const controller of ['', ...readdirSync(cgroupRoot)]) {
      const directory = path.join(cgroupRoot, controller, name);
      if (existsSync(directory)) {
        removeCgroup(directory);
      }
    }
  }
  return true;
}

/** The outer host's own programs that a box has too, whatever root it has: the tests know these by their versions. */
function ownPrograms(): readonly string[] {
  const files = [process.execPath, ...dockerClis().map((cli) => cli.path)];
  return files.filter((file) => file.startsWith('/usr/') && !file.startsWith('/usr/local/'));
}

export interface BoxOptions {
  /** The hostname. */
  readonly name: string;
  /** A folder with the programs of another Debian, which are the box's instead of the outer host's. */
  readonly root?: string | undefined;
  /** The ids of the managed plugins that run in the box, given its directory as it is reached from outside: each names a cgroup. */
  readonly pluginIds: (directory: string) => readonly string[];
}

export class HostBox {
  readonly name: string;
  /** The box's directory, at the same path inside and outside. */
  readonly directory: string;
  /** What is /run/docker/plugins inside, as seen from outside. */
  readonly pluginDirectory: string;
  /** The parent of the cgroups of everything that an engine runs in the box. */
  readonly cgroupParent: string;
  /** The box's first process, as the outer host numbers it: its namespaces are the box's. */
  readonly init: number;
  readonly #temporary: TemporaryDirectory;
  readonly #outer: ChildProcess;
  readonly #pluginIds: () => readonly string[];
  readonly #forget: () => void;

  private constructor(options: BoxOptions, temporary: TemporaryDirectory, outer: ChildProcess, init: number) {
    this.name = options.name;
    this.#pluginIds = () => options.pluginIds(this.reach(temporary.path));
    this.directory = temporary.path;
    this.pluginDirectory = path.join(temporary.path, 'plugins');
    this.cgroupParent = `/${path.basename(temporary.path)}`;
    this.#temporary = temporary;
    this.#outer = outer;
    this.init = init;
    this.#forget = atProcessEnd(() => {
      const cgroups = this.#cgroups();
      killProcess(this.init);
      retryForAWhile(() => removeCgroups(cgroups));
    });
  }

  /** Makes a box. Of its network only the loopback interface is up. */
  static async create(options: BoxOptions): Promise<HostBox> {
    const temporary = temporaryDirectory();
    mkdirSync(path.join(temporary.path, 'plugins'));
    const script = [
      'set -e',
      'ip link set lo up',
      'hostname "$1"',
      'mkdir -p /run/docker /run/containerd',
      'mount -t tmpfs none /run/docker',
      // Containerd's helpers leave their sockets behind when they are killed.
      'mount -t tmpfs none /run/containerd',
      'mkdir /run/docker/plugins',
      'mount --bind "$2/plugins" /run/docker/plugins',
      ...(options.root === undefined ? [] : otherPrograms),
      'echo ready',
      // The other end of the standard input is the test's process.
      'while read -r _; do :; done',
    ].join('\n');
    const namespaces = ['--mount', '--net', '--pid', '--uts', '--fork', '--kill-child', '--mount-proc'];
    const words = [options.name, temporary.path, options.root ?? '', ...ownPrograms()];
    const outer = spawn(
      'unshare',
      [...namespaces, '--propagation', 'private', 'bash', '--norc', '-c', script, 'box', ...words],
      { stdio: ['pipe', 'pipe', 'pipe'], env: { PATH: process.env['PATH'] ?? '' } },
    );
    const { stdout, stderr, pid } = outer;
    let complaint = '';
    stderr.on('data', (chunk: Buffer) => {
      complaint += chunk.toString('utf8');
    });
    const first = await Promise.race([once(stdout, 'data'), once(outer, 'exit').then(() => undefined)]);
    const init = pid === undefined ? undefined : childrenOf(pid)[0];
    if (first === undefined || init === undefined) {
      temporary.remove();
      throw new Error(`no namespaces for ${options.name}: ${complaint.trim()}`);
    }
    return new HostBox(options, temporary, outer, init);
  }

  /** Whether its processes can run: not once it was destroyed. */
  get exists(): boolean {
    return this.#outer.exitCode === null && this.#outer.signalCode === null;
  }

  /**
   * The command that runs `command` in the box. It waits for it and takes over its exit code; the
   * program itself is its one child.
   */
  inside(command: readonly string[]): [string, ...string[]] {
    return ['nsenter', `--target=${this.init}`, '--mount', '--net', '--uts', '--pid', '--', ...command];
  }

  /** As `inside`, but only the network is the box's: files and processes are those of the outer host. */
  insideNetwork(command: readonly string[]): [string, ...string[]] {
    return ['nsenter', `--target=${this.init}`, '--net', '--', ...command];
  }

  /** A path in the box, as the outer host reaches it: what is mounted there in the box is seen, too. */
  reach(inside: string): string {
    return path.join(`/proc/${this.init}/root`, inside);
  }

  /** All processes of the box, those of its containers included, as the outer host numbers them. */
  processes(): readonly number[] {
    const namespace = pidNamespaceOf(this.init);
    const everyProcess = readdirSync('/proc')
      .filter((entry) => /^\d+$/.test(entry))
      .map(Number);
    const found = new Set<number>();
    const visit = (pid: number): void => {
      if (!found.has(pid)) {
        found.add(pid);
        childrenOf(pid).forEach(visit);
      }
    };
    // Containers have namespaces within the box's: they are the children of its processes.
    everyProcess.filter((pid) => namespace !== undefined && pidNamespaceOf(pid) === namespace).forEach(visit);
    return [...found];
  }

  /** Ends all that runs in the box, at once, and removes what is left of it. */
  async destroy(): Promise<void> {
    const cgroups = this.#cgroups();
    killProcess(this.init);
    if (this.exists) {
      await once(this.#outer, 'exit');
    }
    // The kernel gives a cgroup up shortly after its last process.
    await waitFor(() => removeCgroups(cgroups), { what: `the cgroups of ${this.name} to be free` });
    this.#forget();
    this.#temporary.remove();
  }

  /**
   * The cgroups that an engine made in the box: those of a name of its own, wherever they hang (under the
   * cgroup that this test was started in, for some). Nothing above or beside them is touched.
   */
  #cgroups(): readonly string[] {
    const names = new Set([path.basename(this.cgroupParent), ...this.#pluginIds()]);
    const found = new Set([this.cgroupParent]);
    for (const pid of this.processes()) {
      for (const cgroup of cgroupsOf(pid)) {
        const segments = cgroup.split('/');
        const own = segments.findIndex((segment) => names.has(segment));
        if (own > 0) {
          found.add(segments.slice(0, own + 1).join('/'));
        }
      }
    }
    return [...found];
  }
}
