// SPDX-License-Identifier: Apache-2.0
// docs/operations.md, carried out as it is written, on machines made of namespaces. What is done to the plugin there is
// done to a plain process here; the commands of coffer are the real ones.
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { NodesReply, TokensReply } from '../../src/control/index.ts';
import { temporaryDirectory } from '../support/cleanup.ts';
import { ManagerProcess } from '../support/manager-process.ts';
import { acceptedBody } from '../support/manager-refusal.ts';
import { sectionsOf, type Step } from '../support/manual.ts';
import { Network, type NetworkHost } from '../support/network.ts';
import { callControl } from '../support/secret-calls.ts';
import { waitFor } from '../support/wait-for.ts';
import { DISASTERS, RECOVERIES } from './disasters.ts';

/** Of the machines in the text, a is the first. */
const ADDRESS = '10.0.0.';
const EFFECT_TIMEOUT_MS = 60_000;

const SECTIONS = sectionsOf('operations.md');

/** The machines of the text, and what has been typed on them. */
class Machines {
  readonly #network: Network;
  readonly #hosts = new Map<string, NetworkHost>();
  readonly #managers = new Map<string, ManagerProcess>();
  /** What the words TOKEN and RECIPIENT stand for: the ones that were printed last. */
  #token = '';
  /** What the commands of the present section have printed. */
  printed: readonly string[] = [];
  #recipient = '';
  readonly #directory = temporaryDirectory();
  #unlockKey = '';

  constructor(network: Network) {
    this.#network = network;
  }

  manager(machine: string): ManagerProcess {
    return this.#managers.get(machine) ?? assert.fail(`coffer is installed on ${machine} by now`);
  }

  /** Carries out one line. */
  async type({ machine, command }: Step): Promise<string> {
    const words = command.split(' ');
    const settings = new Map(
      words.filter((word) => /^COFFER_\w+=/.test(word)).map((word) => word.split('=', 2) as [string, string]),
    );
    const verb = words.slice(0, 3).join(' ');
    switch (verb) {
      case 'docker plugin install':
        await this.#install(machine, settings);
        return '';
      case 'docker plugin disable':
        await this.manager(machine).stop();
        return '';
      case 'docker plugin rm':
        await this.lose(machine);
        return '';
      case 'docker plugin set':
        await this.#readdress(machine, settings);
        return '';
      case 'docker plugin enable':
        await this.manager(machine).start();
        return '';
      default:
        return this.#coffer(machine, words);
    }
  }

  /** Ends coffer there, and nothing is left of what it had on its disk. */
  async lose(machine: string): Promise<void> {
    await this.manager(machine).destroy();
    this.#managers.delete(machine);
  }

  async destroy(): Promise<void> {
    for (const manager of this.#managers.values()) {
      await manager.destroy();
    }
    this.#directory.remove();
  }

  async #coffer(machine: string, words: readonly string[]): Promise<string> {
    assert.deepEqual(words.slice(0, 2), ['docker', 'coffer'], words.join(' '));
    const typed = words.slice(2).map((word) => (word === 'RECIPIENT' ? this.#recipient : word));
    // What is typed at the prompt.
    const input = words[2] === 'unlock' ? this.#unlockKey : '';
    const { stdout } = await this.manager(machine).cli(typed, { cwd: this.#directory.path, input });
    this.printed = [...this.printed, stdout];
    this.#recipient = /coffer-backup-recipient-1-[0-9a-f-]+/.exec(stdout)?.[0] ?? this.#recipient;
    this.#unlockKey = /COFFER-UNLOCK-1-[0-9A-Z-]+/.exec(stdout)?.[0] ?? this.#unlockKey;
    this.#token = /coffer-1-[mw]-[0-9a-z-]+/.exec(stdout)?.[0] ?? this.#token;
    return stdout;
  }

  async #install(machine: string, settings: ReadonlyMap<string, string>): Promise<void> {
    const host = this.#hosts.get(machine) ?? (await this.#network.host(machine, this.#addressOf(machine)));
    this.#hosts.set(machine, host);
    const join = settings.get('COFFER_JOIN');
    const token = settings.get('COFFER_JOIN_TOKEN');
    assert.ok(token === undefined || token === 'TOKEN', 'the token stands for the one that was printed last');
    const joining = join === undefined ? undefined : { addresses: [join], token: this.#token };
    const manager = await ManagerProcess.start({ name: machine, host, ...(joining && { joining }) });
    this.#managers.set(machine, manager);
    await manager.serving(EFFECT_TIMEOUT_MS);
    await this.settled();
  }

  async #readdress(machine: string, settings: ReadonlyMap<string, string>): Promise<void> {
    const address = settings.get('COFFER_ADVERTISE') ?? assert.fail('an address is set');
    await this.#hosts.get(machine)?.changeAddress(address);
  }

  /** All managers that run vote, and are known where they are. */
  async settled(): Promise<void> {
    const running = [...this.#managers.values()].filter((manager) => manager.running);
    const one = running[0] ?? assert.fail('some manager runs');
    await waitFor(
      async () => {
        const nodes = await this.nodes(one);
        const voting = nodes.filter(({ status, voter }) => status === 'ready' && voter);
        return running.every(({ address }) => voting.some((node) => node.address === address));
      },
      { what: 'all managers to vote', timeout_ms: EFFECT_TIMEOUT_MS },
    );
  }

  async nodes(manager: ManagerProcess): Promise<NodesReply['nodes']> {
    const reply = acceptedBody(await callControl(manager, 'GET', '/v1/nodes')) as NodesReply;
    return reply.nodes;
  }

  #addressOf(machine: string): string {
    return `${ADDRESS}${'abcdef'.indexOf(machine) + 1}`;
  }
}

/** What has happened before somebody types the commands of a section. */
const BEFOREHAND: Readonly<Record<string, (machines: Machines) => Promise<void>>> = {
  'Damaged disk': async (machines) => {
    const broken = machines.manager('c');
    await broken.stop();
    rmSync(path.join(broken.stateDirectory, 'database'), { recursive: true });
    await broken.start();
    await waitFor(async () => (await broken.status()).reason?.code === 'store.damaged', {
      what: 'the damage to be found',
    });
  },
  'Stolen disk': async (machines) => {
    await machines.type({ machine: 'a', command: 'docker coffer join-token manager' });
    await machines.type({
      machine: 'e',
      command:
        'docker plugin install --alias coffer REGISTRY/coffer COFFER_JOIN=10.0.0.1:7373 COFFER_JOIN_TOKEN=TOKEN',
    });
    await machines.lose('e');
    machines.printed = [];
  },
};

/** What is so when a section is done. */
const OUTCOMES: Readonly<Record<string, (machines: Machines) => Promise<void>>> = {
  'Grow: from one manager to three': async (machines) => {
    const names = await hostnames(machines);
    assert.deepEqual(names, ['a', 'b', 'c']);
    await machines.manager('b').put('grown', 'value');
    assert.equal((await machines.manager('c').deliver('grown')).toString(), 'value');
  },
  'Damaged disk': async (machines) => {
    const [rebuilt = ''] = machines.printed;
    assert.match(rebuilt, /removed for good[^]*it votes[^]*Set aside: .*damaged-/);
    assert.deepEqual(await hostnames(machines), ['a', 'b', 'c']);
    assert.equal((await machines.manager('c').deliver('grown')).toString(), 'value');
  },
  'Replace a manager': async (machines) => {
    assert.deepEqual(await hostnames(machines), ['a', 'b', 'd']);
    assert.equal((await machines.manager('d').deliver('grown')).toString(), 'value');
  },
  Shrink: async (machines) => assert.deepEqual(await hostnames(machines), ['a', 'b']),
  'Move a manager to another address': async (machines) => {
    await waitFor(
      async () => {
        const nodes = await machines.nodes(machines.manager('a'));
        return nodes.some(({ address, status }) => address === '10.0.0.12:7373' && status === 'ready');
      },
      { what: 'the new address to be known', timeout_ms: EFFECT_TIMEOUT_MS },
    );
    await machines.manager('b').put('moved', 'value');
  },
  'Rotate the join tokens': async (machines) => {
    const reply = await callControl(machines.manager('a'), 'GET', '/v1/join-tokens');
    assert.equal((acceptedBody(reply) as TokensReply).tokens.length, 1);
  },
  'Rotate the CA': async (machines) => {
    const nodes = await machines.nodes(machines.manager('b'));
    assert.equal(new Set(nodes.map(({ certificate }) => certificate.authorityDigest)).size, 1);
    await machines.manager('b').put('rotated', 'value');
    assert.equal((await machines.manager('a').deliver('rotated')).toString(), 'value');
  },
  'Expired certificates': async (machines) => {
    const [inspected = ''] = machines.printed;
    assert.match(
      inspected,
      /^Certificate: +expires in \S+ (days|weeks|months)/m,
      'it says how long the certificate lasts',
    );
  },
  'Rotate a data key': async (machines) => {
    const [before, after, ...others] = machines.printed.flatMap(
      (text) => /^ID: +([0-9a-f]{16})$/m.exec(text)?.[1] ?? [],
    );
    assert.ok(before !== undefined && after !== undefined && others.length === 0);
    assert.notEqual(after, before);
    assert.equal((await machines.manager('a').deliver('rotated')).toString(), 'value');
  },
  'Remove a secret for good': async (machines) => {
    const [, removed = '', progress = ''] = machines.printed;
    assert.match(removed, /^leaked\nNo file of coffer on any manager opens what was removed\.\n/);
    assert.equal([...progress.matchAll(/^[ab] +ready +yes$/gm)].length, 2, progress);
    assert.equal((await machines.manager('a').deliver('rotated')).toString(), 'value');
  },
  "Lock the managers' keys": async (machines) => {
    for (const machine of ['a', 'b']) {
      await waitFor(async () => (await machines.manager(machine).status()).store?.dataKeySealed === false, {
        what: 'the keys to lie in the clear again',
        timeout_ms: EFFECT_TIMEOUT_MS,
      });
    }
    await machines.manager('b').put('unlocked', 'value');
    assert.equal((await machines.manager('a').deliver('rotated')).toString(), 'value');
  },
  'Let the managers unlock one another': async (machines) => {
    await machines.manager('b').serving(EFFECT_TIMEOUT_MS);
    const { peerUnlock } = await machines.manager('b').status();
    assert.equal(peerUnlock?.unlockedBy, machines.manager('a').address);
    assert.match(machines.printed.join('\n'), /^Peer unlock: +on, for 2 of 2 managers/m);
    await machines.settled();
  },
  'Stolen disk': async (machines) => {
    assert.match(machines.printed.join('\n'), /COFFER-UNLOCK-1-/, 'there is a new key');
    assert.deepEqual(await hostnames(machines), ['a', 'b']);
    await machines.settled();
    await machines.manager('b').put('unlocked', 'value, still');
  },
  'Back up and restore': async (machines) => {
    assert.equal((await machines.manager('a').deliver('db_password')).length, 24);
    assert.equal(
      (await machines.manager('b').deliver('grown')).toString(),
      'value',
      'others are as they were',
    );
  },
  'Back up by schedule': async (machines) => {
    for (const machine of ['a', 'b']) {
      await waitFor(
        async () => /coffer-\d{8}T\d{6}Z/.test((await machines.manager(machine).cli(['backup-ls'])).stdout),
        { what: `a backup of ${machine}`, timeout_ms: EFFECT_TIMEOUT_MS },
      );
    }
    assert.match(machines.printed.at(-1) ?? '', /\nBackups: +daily at 03:00 UTC on each manager, 14 kept\n/);
  },
  'Try a backup': async ({ printed }) => {
    assert.equal(printed.length, 2);
    for (const text of printed) {
      assert.match(text, /^yes: .*\.backup can be restored/);
    }
  },
};

async function hostnames(machines: Machines): Promise<readonly string[]> {
  return (await machines.nodes(machines.manager('a'))).map(({ hostname }) => hostname).sort();
}

describe('docs/operations.md', () => {
  let machines: Machines;
  let network: Network;

  before(async () => {
    network = await Network.create();
    machines = new Machines(network);
  });
  after(async () => {
    await machines?.destroy();
    await network?.destroy();
  });

  for (const { title, steps } of SECTIONS.filter((section) => DISASTERS[section.title] === undefined)) {
    test(title, async () => {
      machines.printed = [];
      await BEFOREHAND[title]?.(machines);
      for (const step of steps) {
        await machines.type(step);
      }
      const outcome = OUTCOMES[title] ?? assert.fail(`there is an outcome for ${title}`);
      await outcome(machines);
    });
  }

  test('has no other steps than those', () => {
    assert.deepEqual(
      SECTIONS.map(({ title }) => title).sort(),
      [...Object.keys(OUTCOMES), ...Object.keys(RECOVERIES)].sort(),
    );
  });
});

describe('the disasters of docs/operations.md', () => {
  for (const [title, situations] of Object.entries(DISASTERS)) {
    situations.forEach((happens, number) => {
      test(`${title}${number === 0 ? '' : `, in another cluster`}`, async (t) => {
        const network = await Network.create();
        const machines = new Machines(network);
        t.after(async () => {
          await machines.destroy();
          await network.destroy();
        });
        await happens(machines);
        machines.printed = [];
        const section = SECTIONS.find((one) => one.title === title);
        for (const step of section?.steps ?? assert.fail('it has steps')) {
          await machines.type(step);
        }
        await (RECOVERIES[title] ?? assert.fail(`there is an outcome for ${title}`))(machines);
      });
    });
  }
});
