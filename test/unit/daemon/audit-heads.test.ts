// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { AuditFile, AuditLog, checkHead, holdsLine, type HeadSigner } from '../../../src/audit/index.ts';
import { silentLogger } from '../../../src/common/index.ts';
import { AuditHeads } from '../../../src/daemon/audit-heads.ts';
import type { AuditHeadObject } from '../../../src/membership/index.ts';
import { generateKey } from '../../../src/pki/index.ts';
import { aNode, anAuthority } from '../../support/cluster-objects.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../../support/cleanup.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { present } from '../../support/present.ts';

const NODE = aNode('first', 'manager', 1);

describe('the head of an audit log', () => {
  let home: TemporaryDirectory;
  let store: MemoryStore;
  let signer: HeadSigner;

  beforeEach(async () => {
    home = temporaryDirectory();
    store = new MemoryStore();
    signer = { nodeId: NODE.id, key: generateKey() };
    await store.propose({ kind: 'establish-cluster', authority: anAuthority(), node: NODE });
  });

  afterEach(() => home.remove());

  const known = (): AuditHeadObject => present(store.cluster.auditHead(NODE.id), 'a head');
  const directory = (): string => path.join(home.path, 'audit');

  /** A daemon's life: some records, what is said of them, and what is acknowledged. */
  async function live(secret: string, acknowledged?: { seq: number; at_ms: number }): Promise<void> {
    const file = new AuditFile({ directory: directory(), size_bytes: 100_000, keep: 2 });
    const options = {
      node: () => NODE.id,
      version: '1.0',
      now_ms: () => 5_000,
      monotonic_ms: () => 0,
      logger: silentLogger,
    };
    const log = new AuditLog({ ...options, sinks: [file] });

    const heads = new AuditHeads({
      ...options,
      log,
      holds: async (head) => holdsLine(await file.parts(), head),
      signer: () => signer,
    });
    const detach = heads.attach(store, NODE.id);
    log.record('put', { secret });
    await log.close();
    await heads.publish();
    try {
      if (acknowledged !== undefined) {
        await heads.acknowledge(acknowledged);
      }
    } finally {
      detach();
    }
  }

  test('is the last line that is on the disk, signed by the node itself', async () => {
    await live('db');
    const head = known();
    assert.deepEqual([head.seq, head.at_ms, head.lost], [3, 5_000, undefined]);

    const pem = signer.key.export({ type: 'pkcs8', format: 'pem' }).toString();
    assert.equal(checkHead(head, pem), 'good');
    assert.equal(checkHead({ ...head, seq: 4 }, pem), 'bad');
    const other = generateKey().export({ type: 'pkcs8', format: 'pem' }).toString();
    assert.equal(checkHead(head, other), 'other-key');
  });

  test('goes on with the log, and finds nothing lost', async () => {
    await live('db');
    await live('db2');
    assert.deepEqual([known().seq, known().lost], [6, undefined]);
  });

  test('tells of a log that was deleted until just that is acknowledged, and tells of the next one', async () => {
    await live('db');
    const { at_ms, seq } = known();
    rmSync(directory(), { recursive: true });
    for (const other of [
      { seq: seq + 1, at_ms },
      { seq, at_ms: at_ms + 1 },
    ]) {
      await assert.rejects(live('db2', other), { code: 'audit.not-lost' });
    }
    assert.equal(known().lost?.seq, seq);
    await live('db3', { seq, at_ms });
    assert.equal(known().lost, undefined);
    await assert.rejects(live('db4', { seq, at_ms }), { code: 'audit.not-lost' });
    const { seq: later } = known();
    rmSync(directory(), { recursive: true });
    await live('db5');
    assert.equal(known().lost?.seq, later);
  });

  test('tells at each start that a log was deleted while nothing ran', async () => {
    await live('db');
    const { at_ms, chain, hash, seq } = known();
    rmSync(directory(), { recursive: true });
    await live('db2');
    assert.notEqual(known().chain, chain);
    await live('db3');
    assert.deepEqual(known().lost, { at_ms, chain, hash, seq });
  });

  test('is signed anew by the key of a renewed certificate', async () => {
    await live('db');
    const before = known().publicKeyFingerprint;
    signer = { ...signer, key: generateKey() };
    await live('db');
    assert.notEqual(known().publicKeyFingerprint, before);
  });
});
