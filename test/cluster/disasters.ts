// SPDX-License-Identifier: Apache-2.0
// The disasters of docs/operations.md: what has happened before each section, and what is so when its steps were taken.
import assert from 'node:assert/strict';
import type { NodesReply } from '../../src/control/index.ts';
import { reasonOf } from '../support/cluster-calls.ts';
import type { ManagerProcess } from '../support/manager-process.ts';
import { waitFor } from '../support/wait-for.ts';

/** The machines of the text, as far as they are needed here. */
export interface Machines {
  /** What the commands of the section have printed. */
  readonly printed: readonly string[];
  manager(machine: string): ManagerProcess;
  nodes(manager: ManagerProcess): Promise<NodesReply['nodes']>;
  type(step: { readonly machine: string; readonly command: string }): Promise<string>;
  lose(machine: string): Promise<void>;
  settled(): Promise<void>;
}

type Deed = (machines: Machines) => Promise<void>;

const ADDRESS = '10.0.0.1:7373';
const REGISTRY = 'docker plugin install --alias coffer REGISTRY/coffer';

/** A cluster of these managers, with a secret. */
async function foundedBy(machines: Machines, names: string): Promise<void> {
  const [first = '', ...others] = names.split('');
  await machines.type({ machine: first, command: REGISTRY });
  if (others.length > 0) {
    await machines.type({ machine: first, command: 'docker coffer join-token manager' });
  }
  for (const machine of others) {
    const command = `${REGISTRY} COFFER_JOIN=${ADDRESS} COFFER_JOIN_TOKEN=TOKEN`;
    await machines.type({ machine, command });
  }
  await machines.manager(first).put('kept', 'value');
  for (const machine of names) {
    await waitFor(
      async () => (await machines.manager(machine).inspect('kept')).freshness === 'linearizable',
      {
        what: `${machine} to have what is acknowledged`,
      },
    );
  }
}

/** These managers end at once; what they have on their disks stays. */
async function killed(machines: Machines, names: string): Promise<void> {
  await Promise.all(names.split('').map((machine) => machines.manager(machine).kill9()));
}

/** What has happened before a section that tells of a disaster. Each one has a network of its own. */
export const DISASTERS: Readonly<Record<string, readonly Deed[]>> = {
  'When the majority is away for a while': [
    async (machines) => {
      await foundedBy(machines, 'abc');
      await killed(machines, 'bc');
      assert.equal((await machines.manager('a').deliver('kept')).toString(), 'value', 'tasks go on');
      await assert.rejects(machines.manager('a').put('refused', 'value'));
    },
  ],
  'When most managers are lost for good': [
    async (machines) => {
      await foundedBy(machines, 'abc');
      await killed(machines, 'bc');
    },
    async (machines) => {
      await foundedBy(machines, 'abcde');
      await killed(machines, 'bcde');
    },
  ],
  'When more than one survives, and it is no majority': [
    async (machines) => {
      await foundedBy(machines, 'abcde');
      await killed(machines, 'cde');
    },
  ],
  'When the unlock key is lost': [
    async (machines) => {
      await foundedBy(machines, 'abc');
      await machines.type({ machine: 'a', command: 'docker coffer autolock on' });
      for (const machine of ['b', 'c']) {
        await waitFor(async () => (await machines.manager(machine).status()).store?.dataKeySealed === true, {
          what: 'its keys to be sealed',
        });
        await machines.manager(machine).restart();
        await reasonOf(machines.manager(machine), 'store.locked');
      }
    },
  ],
  'When all managers are lost': [
    async (machines) => {
      await foundedBy(machines, 'a');
      await machines.type({ machine: 'a', command: 'docker coffer backup-key backup.key' });
      await machines.type({
        machine: 'a',
        command: 'docker coffer backup --recipient RECIPIENT secrets.backup',
      });
      await machines.lose('a');
    },
  ],
};

/** What is so when its section is done. */
export const RECOVERIES: Readonly<Record<string, Deed>> = {
  'When the majority is away for a while': async (machines) => {
    await machines.manager('a').put('again', 'value');
    assert.equal((await machines.manager('b').deliver('again')).toString(), 'value');
  },
  'When most managers are lost for good': (machines) => areWhole(machines, 'abd'),
  'When more than one survives, and it is no majority': (machines) => areWhole(machines, 'abf'),
  'When the unlock key is lost': async (machines) => {
    const keys = machines.printed.flatMap((text) => /COFFER-UNLOCK-1-[0-9A-Z-]+/.exec(text)?.[0] ?? []);
    assert.equal(new Set(keys).size, 2, 'the key that was lost, and a new one');
    await areWhole(machines, 'abc');
  },
  'When all managers are lost': (machines) => areWhole(machines, 'abc'),
};

/** Exactly these are in the cluster, with the secret of before, and take changes. */
async function areWhole(machines: Machines, names: string): Promise<void> {
  const nodes = await machines.nodes(machines.manager('a'));
  assert.deepEqual(nodes.map(({ hostname }) => hostname).sort(), names.split(''));
  await machines.settled();
  for (const machine of names) {
    assert.equal((await machines.manager(machine).deliver('kept')).toString(), 'value');
  }
  const last = names.at(-1) ?? '';
  await machines.manager(last).put('again', 'value');
}
