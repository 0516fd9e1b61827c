// SPDX-License-Identifier: Apache-2.0
// A network for a test: hosts of Linux namespaces on one bridge. The bridge lies in a namespace of its own, since the rules of
// an engine on the outer host would swallow its traffic. All of it is held by processes that end with the test's, so
// that nothing can be left behind; packet filters are those of the hosts' own namespaces.
import { type CommandOptions, type CommandResult, runCommand, tryCommand } from './command.ts';
import { HostBox } from './host-box.ts';
import { type Delay, NetworkWire } from './network-wire.ts';

const PREFIX = '10.77.0';
const HOSTS_MAX = 250;
const BRIDGE = 'br0';
/** The hosts' own interface. */
const INTERFACE = 'eth0';

function withoutPlugins(): readonly string[] {
  return [];
}

/** Runs a program of the system in the network of a box. */
async function runIn(box: HostBox, command: readonly string[], input = ''): Promise<CommandResult> {
  const env = { PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` };
  return runCommand(box.insideNetwork(command), { input, env });
}

/** Several commands of `ip` in one process. */
async function ip(box: HostBox, ...commands: readonly string[]): Promise<void> {
  await runIn(box, ['ip', '-batch', '-'], `${commands.join('\n')}\n`);
}

/** The network's side of a host: what the host cannot do on its own. */
interface Port {
  /** Puts the filter of every host in accord with the hosts' addresses. */
  readonly refilter: () => Promise<void>;
  readonly delay: (delay: Delay) => Promise<void>;
}

export class NetworkHost {
  readonly box: HostBox;
  readonly #port: Port;
  #address: string;

  /** Made by `Network` alone. */
  constructor(box: HostBox, address: string, port: Port) {
    this.box = box;
    this.#address = address;
    this.#port = port;
  }

  get name(): string {
    return this.box.name;
  }

  get address(): string {
    return this.#address;
  }

  /** The command that runs `command` on the host; see `HostBox.inside`. */
  inside(command: readonly string[]): [string, ...string[]] {
    return this.box.inside(command);
  }

  /** Runs `command` on the host; rejects with a `CommandError` unless it exits with code 0. */
  async run(command: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return runCommand(this.inside(command), options);
  }

  /** Runs `command` on the host; resolves whatever its exit code is. */
  async tryRun(command: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return tryCommand(this.inside(command), options);
  }

  /**
   * From now on what the host sends is late by `delay_ms`, give or take `jitter_ms`, and so many percent of its
   * packets are lost; what it receives is not. Zeros end it. The first call may lose packets that are under way.
   */
  async delay(delay_ms: number, jitter_ms = 0, loss_percent = 0): Promise<void> {
    await this.#port.delay({ delay_ms, jitter_ms, loss_percent });
  }

  /** Gives the host another address instead of its own, as a new lease would. Blocks follow it. */
  async changeAddress(address: string): Promise<void> {
    await ip(this.box, `address flush dev ${INTERFACE}`, `address add ${address}/24 dev ${INTERFACE}`);
    this.#address = address;
    await this.#port.refilter();
  }
}

interface Block {
  readonly from: NetworkHost;
  readonly to: NetworkHost;
}

export class Network {
  readonly #switch: HostBox;
  readonly #hosts: NetworkHost[] = [];
  readonly #ownBoxes: HostBox[] = [];
  readonly #wires = new Map<number, NetworkWire>();
  #blocks: readonly Block[] = [];

  private constructor(box: HostBox) {
    this.#switch = box;
  }

  /** Makes a network without hosts. */
  static async create(): Promise<Network> {
    const box = await HostBox.create({ name: 'network', pluginIds: withoutPlugins });
    const network = new Network(box);
    await ip(box, `link add name ${BRIDGE} type bridge`, `link set dev ${BRIDGE} up`);
    return network;
  }

  get hosts(): readonly NetworkHost[] {
    return this.#hosts;
  }

  /** Makes a host with nothing on it. It ends with the network. The address defaults to the next one free. */
  async host(name: string, address?: string): Promise<NetworkHost> {
    const box = await HostBox.create({ name, pluginIds: withoutPlugins });
    this.#ownBoxes.push(box);
    return this.attach(box, address);
  }

  /** Puts a box on the network; it remains its maker's to destroy. */
  async attach(box: HostBox, address?: string): Promise<NetworkHost> {
    const number = this.#hosts.length + 1;
    if (number > HOSTS_MAX) {
      throw new RangeError(`a network has no more than ${HOSTS_MAX} hosts`);
    }
    const host = new NetworkHost(box, address ?? `${PREFIX}.${number}`, {
      refilter: () => this.#filter(),
      delay: (delay) => this.#delay(host, number, delay),
    });
    // At once, so that hosts which are made side by side have different numbers.
    this.#hosts.push(host);
    await ip(
      this.#switch,
      `link add name h${number} type veth peer name p${number}`,
      `link set dev h${number} master ${BRIDGE} up`,
      `link set dev p${number} netns ${box.init}`,
    );
    await ip(
      box,
      `link set dev p${number} name ${INTERFACE}`,
      `address add ${host.address}/24 dev ${INTERFACE}`,
      `link set dev ${INTERFACE} up`,
    );
    // Who takes over an address tells the others.
    await runIn(box, ['sh', '-c', `echo 1 > /proc/sys/net/ipv4/conf/${INTERFACE}/arp_notify`]);
    return host;
  }

  /** From now on `to` receives nothing from `from`; the other direction is left as it is. */
  async block(from: NetworkHost, to: NetworkHost): Promise<void> {
    this.#blocks = [...this.#blocks, { from, to }];
    await this.#filter();
  }

  /** From now on hosts of different groups receive nothing from each other. Hosts of no group are left as they are. */
  async partition(...groups: readonly (readonly NetworkHost[])[]): Promise<void> {
    const cut = groups.flatMap((group) => {
      const others = groups.filter((other) => other !== group).flat();
      return group.flatMap((from) => others.map((to) => ({ from, to })));
    });
    this.#blocks = [...this.#blocks, ...cut];
    await this.#filter();
  }

  /** Ends all blocks and partitions; delays stay. */
  async heal(): Promise<void> {
    this.#blocks = [];
    await this.#filter();
  }

  /** Ends the network, and the hosts that it made. */
  async destroy(): Promise<void> {
    await Promise.all([...this.#wires.values()].map((wire) => wire.stop()));
    await Promise.all([this.#switch, ...this.#ownBoxes].map((box) => box.destroy()));
  }

  /** Each host drops what comes from those that are blocked, in one step: there is no moment without a filter. */
  async #filter(): Promise<void> {
    await Promise.all(
      this.#hosts
        .filter(({ box }) => box.exists)
        .map((host) => {
          const sources = new Set(
            this.#blocks.filter(({ to }) => to === host).map(({ from }) => from.address),
          );
          const rules = [...sources].map((address) => `-A INPUT -s ${address} -j DROP`);
          return runIn(host.box, ['iptables-restore'], ['*filter', ...rules, 'COMMIT', ''].join('\n'));
        }),
    );
  }

  async #delay(host: NetworkHost, number: number, delay: Delay): Promise<void> {
    const { delay_ms, jitter_ms, loss_percent } = delay;
    if (!this.#wires.has(number)) {
      const netem = `delay ${delay_ms}ms ${jitter_ms}ms loss ${loss_percent}%`.split(' ');
      const env = { PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` };
      const tc = ['tc', 'qdisc', 'replace', 'dev', INTERFACE, 'root', 'netem', ...netem];
      if ((await tryCommand(host.box.insideNetwork(tc), { env })).code === 0) {
        return;
      }
      // This kernel has no netem.
      this.#wires.set(number, await this.#insertWire(number));
    }
    this.#wires.get(number)?.set(delay);
  }

  /** Lets the host's frames pass through a wire on their way to the bridge: host, small bridge, wire, bridge. */
  async #insertWire(number: number): Promise<NetworkWire> {
    const [host, own, near, far] = [`h${number}`, `b${number}`, `n${number}`, `f${number}`];
    const wire = await NetworkWire.start(this.#switch, near, far);
    await ip(
      this.#switch,
      `link add name ${own} type bridge`,
      `link set dev ${own} up`,
      `link set dev ${near} master ${own} up`,
      `link set dev ${far} master ${BRIDGE} up`,
      `link set dev ${host} master ${own}`,
    );
    return wire;
  }
}
