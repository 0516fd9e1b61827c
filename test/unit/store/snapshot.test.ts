// SPDX-License-Identifier: Apache-2.0
// The state as a stream: all of it arrives, nothing else is believed, and neither end holds more than a piece of it.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { CofferError } from '../../../src/common/index.ts';
import { Keyring } from '../../../src/crypto/index.ts';
import type { DatabaseView } from '../../../src/storage/index.ts';
import { exportState } from '../../../src/store/snapshot/snapshot-export.ts';
import {
  CHUNK_BYTES_MAX,
  CHUNK_NUMBER_BYTES,
  RECORD_HEAD_BYTES,
} from '../../../src/store/snapshot/snapshot-format.ts';
import { StateStage } from '../../../src/store/snapshot/snapshot-import.ts';
import { aGrant, aNode, anAuthority, aSealingKey, aToken } from '../../support/cluster-objects.ts';
import { deliveryOf } from '../../support/deliveries.ts';
import { SeededRandom } from '../../support/seeded-random.ts';
import { CONF_STATE, put, StateHarness } from './state-harness.ts';

const VALUE_BYTES_MAX = 511_999;

/** A secret of each kind that there is, and many of them. */
async function fill(node: StateHarness, secrets: number, random: SeededRandom): Promise<void> {
  node.apply({ kind: 'establish-cluster', authority: anAuthority(), node: aNode('one', 'manager', 1) });
  node.apply({ kind: 'put-token', token: aToken('token'), revokeOthers: false });
  node.apply({ kind: 'put-grant', grant: aGrant('grant', { nodeId: 'id-one', labels: { app: 'web' } }) });
  node.apply({ kind: 'add-sealing-key', key: aSealingKey('key'), after: '' });
  for (let number = 0; number < secrets; number += 1) {
    const name = `secret-${number}`;
    const versions = number % 7 === 0 ? 12 : 1 + (number % 3);
    for (let version = 1; version <= versions; version += 1) {
      const size = number % 50 === 0 ? 1 + random.below(30_000) : 1 + random.below(200);
      node.apply(put(name, random.bytes(size), { labels: { [`label ${number}`]: 'x'.repeat(number) } }));
    }
    if (number % 5 === 0) {
      node.apply({
        kind: 'create',
        id: `pending-${number}`,
        name: `pending-${number}`,
        labels: {},
        origin: 'gateway',
        pending: true,
        value: put('', random.bytes(10)).value,
        at_ms: 5,
      });
    }
    if (number % 10 === 0) {
      node.apply({
        kind: 'activate',
        id: `pending-${number}`,
        engine: { secretId: `e${number}`, swarmId: 'swarm' },
        at_ms: 6,
      });
    }
    node.apply({
      kind: 'record-deliveries',
      deliveries: [deliveryOf(`task-${number}`, `id-${name}`, 1, { at_ms: number })],
    });
    if (number % 40 === 0) {
      await node.flush();
    }
  }
  node.apply({ kind: 'remove', id: 'id-secret-1' });
  node.apply({ kind: 'remove', id: 'never there' });
  const { appliedIndex } = node.state;
  node.state.applyConfState(appliedIndex + 1, { ...CONF_STATE, votersOutgoing: [1], autoLeave: true });
  await node.flush();
}

describe('a snapshot of the state', () => {
  const random = new SeededRandom();
  let from: StateHarness;
  let to: StateHarness;

  beforeEach(async () => {
    from = await StateHarness.make();
    to = await StateHarness.make();
  });
  afterEach(async () => {
    await from.close();
    await to.close();
  });

  test('carries all of it to another node with other keys, where it survives a restart', async (t) => {
    t.diagnostic(random.description);
    await fill(from, 400, random);
    const chunks = await from.export();
    assert.ok(chunks.length > 3 && chunks.every(({ length }) => length <= CHUNK_BYTES_MAX));
    await to.install(await to.stage(chunks));
    assert.deepEqual(to.content(), from.content());
    assert.equal(to.state.index.byEngineId('e10')?.id, 'pending-10');
    assert.equal(to.state.index.byId('pending-5')?.pending, true);
    assert.equal(to.state.index.deliveries.deliveredVersion('task-3', 'id-secret-3'), 1);
    await to.reopen();
    assert.deepEqual(to.content(), from.content());
    const again = await to.export();
    await to.clearObsolete();
    const back = await StateHarness.make(new Keyring(from.keyring.active, [], from.keyring.indexKey));
    await back.install(await back.stage(again));
    assert.deepEqual(back.state.digest, from.state.digest, 'under the same index key it has the same digest');
    await back.close();
  });

  test('of an empty state is one chunk, and replaces whatever there is', async () => {
    from.state.apply(1, []);
    await from.flush();
    to.apply(put('there', 'before'));
    await to.flush();
    const chunks = await from.export();
    assert.equal(chunks.length, 1);
    await to.install(await to.stage(chunks));
    assert.deepEqual(to.content(), from.content());
    assert.equal(to.state.index.size, 0);
  });

  test('is of the moment when the view was opened, whatever is written while it is read', async () => {
    await fill(from, 60, random);
    const content = from.content();
    const view = from.database.snapshot();
    const exported = exportState(view, from.keyring);
    const chunks: Buffer[] = [];
    for await (const chunk of exported.chunks) {
      chunks.push(chunk);
      from.apply(put('secret-0', 'later'));
      from.apply({ kind: 'remove', id: `id-secret-${10 + chunks.length}` });
      await from.flush();
    }
    await view.close();
    await to.install(await to.stage(chunks));
    assert.deepEqual(to.content(), content);
    assert.deepEqual(
      [exported.appliedIndex, exported.confState],
      [to.state.appliedIndex, to.state.confState],
    );
  });

  test('ends exactly with a chunk as well as anywhere else', async () => {
    // Sizes around the one at which the end of the stream is the end of a chunk.
    const [probe] = await exportOne(1);
    const room = CHUNK_BYTES_MAX - (probe?.length ?? 0) + 1;
    for (const [size, chunks] of [
      [room - 1, 1],
      [room, 1],
      [room + 1, 2],
      [room + RECORD_HEAD_BYTES + 48, 2],
    ] as const) {
      const exported = await exportOne(size);
      assert.equal(exported.length, chunks, `a value of ${size} bytes`);
      const stage = new StateStage(to.keyring, 7);
      exported.forEach((chunk) => stage.add(chunk));
      stage.finish();
    }

    async function exportOne(size: number): Promise<readonly Buffer[]> {
      const node = await StateHarness.make();
      node.apply(put('one', Buffer.alloc(size, 1)));
      await node.flush();
      const exported = await node.export();
      await node.close();
      return exported;
    }
  });

  test('of many large values is never in memory as a whole, at either end', async (t) => {
    const secrets = 24;
    for (let number = 0; number < secrets; number += 1) {
      from.apply(put(`large-${number}`, Buffer.alloc(VALUE_BYTES_MAX, number)));
      await from.flush();
    }
    let [read_bytes, sent_bytes, ahead_bytes] = [0, 0, 0];
    const view = from.database.snapshot();
    const counted: DatabaseView = {
      get: (key, what) => {
        const record = view.get(key, what);
        read_bytes += record?.length ?? 0;
        ahead_bytes = Math.max(ahead_bytes, read_bytes - sent_bytes);
        return record;
      },
      async *groups(range, what) {
        for await (const group of view.groups(range, what)) {
          read_bytes += group.reduce((sum, [key, record]) => sum + key.length + record.length, 0);
          ahead_bytes = Math.max(ahead_bytes, read_bytes - sent_bytes);
          yield group;
        }
      },
    };
    const stage = to.state.stage();
    let [received_bytes, written_bytes, behind_bytes] = [0, 0, 0];
    for await (const chunk of exportState(counted, from.keyring).chunks) {
      sent_bytes += chunk.length;
      received_bytes += chunk.length;
      behind_bytes = Math.max(behind_bytes, received_bytes - written_bytes);
      const operations = stage.add(chunk);
      chunk.fill(0);
      for (const operation of operations) {
        written_bytes += operation.type === 'put' ? operation.value.length : 0;
      }
      await to.database.write(operations, { sync: false });
    }
    await view.close();
    stage.finish();
    t.diagnostic(`${sent_bytes} bytes; read ahead ${ahead_bytes}, held back ${behind_bytes}`);
    assert.ok(sent_bytes > secrets * VALUE_BYTES_MAX);
    // One record, one chunk, and the group of metadata that was read with it.
    const bound = VALUE_BYTES_MAX + CHUNK_BYTES_MAX + 32 * 1024;
    assert.ok(ahead_bytes <= bound && behind_bytes <= bound);
    await to.install(stage);
    assert.equal(to.state.index.size, secrets);
    for (let number = 0; number < secrets; number += 1) {
      const value = to.state.readValue(`id-large-${number}`, 1).expose();
      assert.ok(value.length === VALUE_BYTES_MAX && value.every((byte) => byte === number));
    }
  });

  test('ends in store.damaged, and not in a whole stream, where the disk has lost a record or has another', async () => {
    await fill(from, 20, random);
    const kinds = new Map<string, Buffer>();
    const range = { from: Buffer.from('g'), before: Buffer.from('h') };
    for await (const group of from.database.groups(range, 'all')) {
      group.forEach(([key]) => kinds.set(key.toString('latin1', 9, 10), key));
    }
    assert.deepEqual([...kinds.keys()].sort(), ['d', 'n', 'o', 'r', 's', 'v']);
    // Names do not travel: the receiver makes their records of the secrets.
    kinds.delete('n');
    for (const [kind, key] of kinds) {
      const record = from.database.get(key, 'it') ?? Buffer.alloc(0);
      const altered = Buffer.from(record);
      altered.writeUInt8(altered.readUInt8(altered.length - 1) ^ 1, altered.length - 1);
      await from.database.write([{ type: 'put', key, value: altered }], { sync: false });
      await assert.rejects(from.export(), { code: 'store.damaged' }, `altered: ${kind}`);
      await from.database.write([{ type: 'del', key }], { sync: false });
      await assert.rejects(from.export(), { code: 'store.damaged' }, `lost: ${kind}`);
      await from.database.write([{ type: 'put', key, value: record }], { sync: false });
    }
    await from.export();
  });

  describe('on its way', () => {
    let chunks: readonly Buffer[];

    beforeEach(async () => {
      await fill(from, 4, random);
      for (let number = 0; number < 3; number += 1) {
        from.apply(put(`large-${number}`, random.bytes(300_000)));
      }
      await from.flush();
      chunks = await from.export();
      assert.ok(chunks.length >= 4);
    });

    const damaged = { code: 'store.damaged' };

    /** Throws what the receiver throws. */
    function receive(received: readonly Buffer[]): void {
      const stage = new StateStage(to.keyring, 2);
      received.forEach((chunk) => stage.add(chunk));
      stage.finish();
    }

    test('is taken as it was sent', () => receive(chunks));

    test('is refused without one of its chunks, with one twice, and with two that changed places', () => {
      for (let at = 0; at < chunks.length; at += 1) {
        assert.throws(() => receive(chunks.toSpliced(at, 1)), damaged, `without chunk ${at}`);
        assert.throws(
          () => receive(chunks.toSpliced(at, 0, ...chunks.slice(at, at + 1))),
          damaged,
          `chunk ${at} twice`,
        );
        for (let other = at + 1; other < chunks.length; other += 1) {
          const swapped = [...chunks];
          [swapped[at], swapped[other]] = [chunks[other] ?? Buffer.alloc(0), chunks[at] ?? Buffer.alloc(0)];
          assert.throws(() => receive(swapped), damaged, `chunks ${at} and ${other} changed places`);
        }
      }
    });

    test('is refused with chunks that were renumbered to fit', () => {
      for (let at = 0; at < chunks.length; at += 1) {
        const renumbered = chunks.toSpliced(at, 1).map((chunk, number) => {
          const copy = Buffer.from(chunk);
          copy.writeUInt32BE(number);
          return copy;
        });
        assert.throws(() => receive(renumbered), damaged, `without chunk ${at}`);
      }
    });

    test('is refused when a chunk was cut, is empty, is too large, or goes on', () => {
      for (const [at, chunk] of chunks.entries()) {
        for (const length of [0, 1, CHUNK_NUMBER_BYTES, CHUNK_NUMBER_BYTES + 1, chunk.length - 1]) {
          assert.throws(
            () => receive(chunks.with(at, chunk.subarray(0, length))),
            damaged,
            `${at}: ${length}`,
          );
        }
        assert.throws(() => receive(chunks.with(at, Buffer.concat([chunk, Buffer.of(0)]))), damaged);
      }
      const more = Buffer.alloc(20);
      more.writeUInt32BE(chunks.length);
      assert.throws(() => receive([...chunks, more]), damaged);
      assert.throws(() => receive([]), damaged);
    });

    test('is refused with any of its bytes altered', async (t) => {
      t.diagnostic(random.description);
      const small = await StateHarness.make();
      for (const name of ['one', 'two']) {
        small.apply(put(name, 'value', { labels: { label: 'text' } }));
      }
      small.apply({ kind: 'put-token', token: aToken('token'), revokeOthers: false });
      small.apply({ kind: 'record-deliveries', deliveries: [deliveryOf('t', 's', 1)] });
      await small.flush();
      const [only = Buffer.alloc(0), ...others] = await small.export();
      await small.close();
      assert.equal(others.length, 0);
      for (let at = 0; at < only.length; at += 1) {
        const altered = Buffer.from(only);
        altered.writeUInt8(altered.readUInt8(at) ^ (1 << random.below(8)), at);
        assert.throws(() => receive([altered]), damaged, `byte ${at}`);
      }
      for (let count = 0; count < 80; count += 1) {
        const at = random.below(chunks.length);
        const altered = Buffer.from(chunks[at] ?? Buffer.alloc(0));
        const offset = random.below(altered.length);
        altered.writeUInt8(altered.readUInt8(offset) ^ (1 << random.below(8)), offset);
        assert.throws(() => receive(chunks.with(at, altered)), damaged, `chunk ${at}, byte ${offset}`);
      }
    });

    test('takes nothing more once it was refused', () => {
      const stage = new StateStage(to.keyring, 2);
      assert.throws(() => stage.add(Buffer.alloc(10, 1)), damaged);
      assert.throws(() => stage.add(chunks[0] ?? Buffer.alloc(0)), { code: 'internal.invariant' });
      assert.throws(() => stage.finish(), damaged);
    });

    test('is refused when a peer says one thing and sends another, though its digest is right', () => {
      // A stream is taken apart into its records, changed, and put together with a digest of its own.
      const records = recordsOf(chunks);
      receive(chunksOf(records));
      const kinds = records.map(({ kind }) => kind);
      const index = (kind: number): number => kinds.indexOf(kind);
      const [secret, delivery, request, object] = [index(2), index(4), index(5), index(7)];
      const of = (at: number): StreamRecord => records[at] ?? assert.fail('there is such a record');
      for (const [what, changed] of [
        ['without a header', records.slice(1)],
        ['with two headers', [of(0), ...records]],
        ['without a value', records.toSpliced(secret + 1, 1)],
        ['with a value twice', records.toSpliced(secret + 1, 0, of(secret + 1))],
        [
          'with a value that is shorter',
          records.with(secret + 1, { kind: 3, body: of(secret + 1).body.subarray(1) }),
        ],
        ['with a secret twice', records.toSpliced(secret, 0, ...records.slice(secret, secret + 2))],
        ['with deliveries out of order', [...records.toSpliced(delivery, 2), of(delivery + 1), of(delivery)]],
        ['with fewer deliveries', records.toSpliced(delivery, 1)],
        ['with fewer requests', records.slice(0, -1)],
        [
          'with a request among the deliveries',
          [...records.slice(0, delivery), of(request), ...records.slice(delivery)],
        ],
        ['with a secret after the deliveries', [...records, of(secret), of(secret + 1)]],
        ['with a record of an unknown kind', [...records, { kind: 9, body: Buffer.alloc(1) }]],
        ['with an object of the cluster twice', records.toSpliced(object, 0, of(object))],
        ['with an object after the secrets', [...records, of(object)]],
        ['with a secret that cannot be read', records.with(secret, { kind: 2, body: Buffer.alloc(10) })],
        ['with a record that is too large', [...records, { kind: 3, body: Buffer.alloc(6_000_000) }]],
      ] as const) {
        assert.throws(
          () => receive(chunksOf(changed)),
          (error) => error instanceof CofferError && error.code === 'store.damaged',
          what,
        );
      }
    });
  });
});

interface StreamRecord {
  readonly kind: number;
  readonly body: Buffer;
}

/** The records of a stream but its end. Written out here once more, so that the format is not only compared with itself. */
function recordsOf(chunks: readonly Buffer[]): readonly StreamRecord[] {
  const stream = Buffer.concat(chunks.map((chunk) => chunk.subarray(4)));
  const records: StreamRecord[] = [];
  for (let offset = 0; offset < stream.length; ) {
    const kind = stream.readUInt8(offset);
    const length = stream.readUInt32BE(offset + 1);
    records.push({ kind, body: stream.subarray(offset + 5, offset + 5 + length) });
    offset += 5 + length;
  }
  assert.equal(records.at(-1)?.kind, 6);
  return records.slice(0, -1);
}

function chunksOf(records: readonly StreamRecord[]): readonly Buffer[] {
  const written = (record: StreamRecord): Buffer => {
    const head = Buffer.alloc(5);
    head.writeUInt8(record.kind);
    head.writeUInt32BE(record.body.length, 1);
    return Buffer.concat([head, record.body]);
  };
  const stream = Buffer.concat(records.map(written));
  const end = Buffer.alloc(20 + 32);
  for (const [place, kind] of [2, 3, 4, 5, 7].entries()) {
    end.writeUInt32BE(records.filter((record) => record.kind === kind).length, 4 * place);
  }
  createHash('sha256').update(stream).digest().copy(end, 20);
  const whole = Buffer.concat([stream, written({ kind: 6, body: end })]);
  const size = CHUNK_BYTES_MAX - 4;
  return Array.from({ length: Math.ceil(whole.length / size) }, (_, number) => {
    const head = Buffer.alloc(4);
    head.writeUInt32BE(number);
    return Buffer.concat([head, whole.subarray(number * size, (number + 1) * size)]);
  });
}
