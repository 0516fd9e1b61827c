// SPDX-License-Identifier: Apache-2.0
// What an administrator is told of the quorum and of a rotation; how addresses are read.
import assert from 'node:assert/strict';
import type { NetworkInterfaceInfo } from 'node:os';
import { describe, test } from 'node:test';
import { advertised, ownAddress, withPort } from '../../../src/cluster/addresses.ts';
import { rotationProgress } from '../../../src/cluster/authority-keeper.ts';
import { newAuthority, nextAuthority } from '../../../src/cluster/certificates.ts';
import { describeQuorum, lossWarning } from '../../../src/cluster/quorum-view.ts';
import type { NodeObject } from '../../../src/membership/index.ts';
import { authorityDigest } from '../../../src/pki/index.ts';
import { aNode } from '../../support/cluster-objects.ts';
import { viewOf } from './service-harness.ts';

describe('the quorum, in words', () => {
  const view = (voters: number, reachable: number | undefined): Parameters<typeof describeQuorum>[0] => ({
    voters,
    quorum: Math.floor(voters / 2) + 1,
    reachable,
  });

  const WARNINGS: readonly (readonly [number, number | undefined, readonly RegExp[]])[] = [
    [1, 1, []],
    [1, undefined, []],
    [3, 3, []],
    [5, 4, []],
    [3, undefined, []],
    [2, 2, [/2 managers vote, an even number: none of them can be lost/]],
    [4, 4, [/4 managers vote, an even number: 1 of them can be lost, as with 3/]],
    [6, undefined, [/2 of them can be lost, as with 5/]],
    [3, 2, [/1 of 3 managers cannot be reached; no further one may be lost/]],
    [5, 3, [/2 of 5 managers cannot be reached/]],
    [3, 1, [/The quorum is lost: 1 of 3 managers can be reached, and 2 are needed/]],
    [2, 1, [/an even number/, /The quorum is lost: 1 of 2/]],
    [4, 3, [/an even number/, /1 of 4 managers cannot be reached/]],
  ];
  for (const [voters, reachable, sentences] of WARNINGS) {
    test(`${reachable ?? 'an unknown number'} of ${voters} can be reached`, () => {
      const warnings = describeQuorum(view(voters, reachable));
      assert.equal(warnings.length, sentences.length, warnings.join(' '));
      sentences.forEach((sentence, index) => assert.match(warnings[index] ?? '', sentence));
    });
  }

  /** Voters, those that can be reached, whether the one that is to go can, and why it may not. */
  const LOSSES: readonly (readonly [number, number | undefined, boolean, RegExp | undefined])[] = [
    [1, 1, true, /the last manager that votes/],
    [1, undefined, false, /the last manager that votes/],
    [2, 2, true, undefined],
    [2, 1, false, undefined],
    [3, 3, true, undefined],
    [3, 2, false, undefined],
    [3, 2, true, /only 1 of the 2 managers that would be left can be reached, and 2 are needed/],
    [4, 3, true, undefined],
    [5, 3, false, undefined],
    [5, 3, true, /only 2 of the 4 .* 3 are needed/],
    [5, 4, true, undefined],
    [5, undefined, true, undefined],
  ];
  for (const [voters, reachable, member, why] of LOSSES) {
    test(`of ${voters} voters, ${reachable ?? 'unknown'} reachable, one goes that is ${member ? 'there' : 'away'}`, () => {
      const warning = lossWarning(view(voters, reachable), member);
      if (why === undefined) {
        assert.equal(warning, undefined);
      } else {
        assert.match(warning ?? '', why);
      }
    });
  }
});

test('how far a rotation is: by certificates, those that are awaited apart from those that are away', () => {
  const old = newAuthority('c'.repeat(25), Date.now());
  const authority = nextAuthority(old, 'c'.repeat(25), Date.now());
  const digest = (pem: string): string => authorityDigest(pem).toString('hex');
  const node = (name: string, issuer: string): NodeObject => {
    const plain = aNode(name);
    return { ...plain, certificate: { ...plain.certificate, authorityDigest: digest(issuer) } };
  };
  const view = viewOf(
    authority,
    node('renewed', authority.certificate),
    node('awaited', old.certificate),
    node('away', old.certificate),
    node('renewed-and-away', authority.certificate),
  );
  const progress = rotationProgress(view, authority, ({ hostname }) => !hostname.includes('away'));
  const names = (nodes: readonly NodeObject[]): readonly string[] => nodes.map(({ hostname }) => hostname);
  assert.deepEqual([progress.nodes, progress.renewed], [4, 2]);
  assert.deepEqual([names(progress.awaited), names(progress.unreachable)], [['awaited'], ['away']]);
  for (const [name, issuer] of [
    ['renewed', old.certificate],
    ['renewed-and-away', authority.certificate],
  ] as const) {
    view.put({
      kind: 'peer-unlock',
      nodeId: `id-${name}`,
      publicKeyFingerprint: 'key',
      authorityDigest: digest(issuer),
    });
  }
  const withPeers = rotationProgress(view, authority, ({ hostname }) => !hostname.includes('away'));
  assert.deepEqual(
    names(withPeers.awaited).toSorted(),
    ['awaited', 'renewed'],
    'what it is unlocked by is awaited as well',
  );
  assert.deepEqual(names(withPeers.unreachable), ['away']);
});

describe('addresses', () => {
  const WITH_PORT: readonly (readonly [string, string | undefined])[] = [
    ['host', 'host:7373'],
    ['host:1', 'host:1'],
    ['host.example:65535', 'host.example:65535'],
    ['10.0.0.1', '10.0.0.1:7373'],
    ['::1', '[::1]:7373'],
    ['fe80::1:2', '[fe80::1:2]:7373'],
    ['[::1]', '[::1]:7373'],
    ['[::1]:80', '[::1]:80'],
    ['host:0', undefined],
    ['host:65536', undefined],
    ['host:', undefined],
    [':7373', undefined],
    ['', undefined],
    ['ho st', undefined],
    ['[::1', undefined],
    ['::1]:80', undefined],
    ['host:port', undefined],
    ['http://host', undefined],
  ];
  for (const [text, expected] of WITH_PORT) {
    test(`${JSON.stringify(text)} is ${expected ?? 'none'}`, () => {
      if (expected === undefined) {
        assert.throws(() => withPort(text), { code: 'transport.unreachable' });
      } else {
        assert.equal(withPort(text), expected);
      }
    });
  }

  test('until the engine answers it is what the cluster knows, if the machine still has it, and never an engine’s bridge', () => {
    const one = (address: string, internal = false): NetworkInterfaceInfo[] => [
      { address, netmask: '255.255.255.0', family: 'IPv4', mac: '', internal, cidr: null },
    ];
    const interfaces = {
      lo: one('127.0.0.1', true),
      docker_gwbridge: one('172.18.0.1'),
      eth0: one('10.0.0.3'),
      eth1: one('10.0.1.3'),
    };
    assert.equal(ownAddress(interfaces, undefined), '10.0.0.3');
    assert.equal(ownAddress(interfaces, ''), '10.0.0.3');
    assert.equal(ownAddress(interfaces, '10.0.1.3:7373'), '10.0.1.3');
    assert.equal(ownAddress(interfaces, '10.0.9.9:7373'), '10.0.0.3', 'it has another address since');
    assert.equal(ownAddress(interfaces, '127.0.0.1:7373'), '10.0.0.3', 'nobody else reaches that');
    assert.equal(ownAddress({ lo: interfaces.lo }, undefined), undefined);
  });

  test('the advertised one is what was wished, else where it listens, else what the engine or the way to a manager says', () => {
    const listening = { host: '0.0.0.0', port: 7000 };
    const known = {
      listening,
      engineAddress: '10.0.0.1',
      towardsManager: '10.0.0.2',
      wished: undefined,
      told: '192.0.2.9:7000',
    };
    assert.equal(advertised({ ...known, wished: 'name' }), 'name:7000');
    assert.equal(advertised({ ...known, wished: 'name:9' }), 'name:9');
    assert.equal(advertised({ ...known, listening: { host: '192.0.2.1', port: 7000 } }), '192.0.2.1:7000');
    assert.equal(advertised(known), '10.0.0.1:7000');
    assert.equal(advertised({ ...known, engineAddress: 'fd00::1' }), '[fd00::1]:7000');
    assert.equal(advertised({ ...known, engineAddress: undefined }), '10.0.0.2:7000');
    for (const host of ['0.0.0.0', '::', '']) {
      const nothing = {
        engineAddress: undefined,
        towardsManager: undefined,
        wished: undefined,
        told: undefined,
      };
      const address = advertised({ ...nothing, listening: { host, port: 7000 } });
      assert.match(address, /^(?!0\.0\.0\.0|\[::\])\S+:7000$/, 'somewhere that can be called');
    }
  });
});
