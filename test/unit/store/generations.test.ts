// SPDX-License-Identifier: Apache-2.0
// The state on the disk: what survives a restart, and how a snapshot takes the place of all of it at once.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { Keyring } from '../../../src/crypto/index.ts';
import { type Command, newRequestId, REQUESTS_KEPT } from '../../../src/secrets/index.ts';
import { StateKeys } from '../../../src/store/state/state-keys.ts';
import { deliveryOf } from '../../support/deliveries.ts';
import { CONF_STATE, put, StateHarness } from './state-harness.ts';

/** Two nodes: one that is behind, and one whose state it is to get. */
describe('the state of a node', () => {
  let node: StateHarness;
  let other: StateHarness;

  beforeEach(async () => {
    node = await StateHarness.make();
    other = await StateHarness.make();
  });
  afterEach(async () => {
    await node.close();
    await other.close();
  });

  async function fill(harness: StateHarness, count: number, text: string): Promise<void> {
    for (let number = 0; number < count; number += 1) {
      harness.apply(put(`${text}-${number}`, `${text} ${number}`));
    }
    await harness.flush();
  }

  /** What a node must be after it took over the other's state. */
  function assertIsOther(): void {
    assert.deepEqual(node.content(), other.content());
  }

  describe('applied', () => {
    test('takes up each entry once, in order', () => {
      node.state.apply(1, []);
      assert.throws(() => node.state.apply(1, []), { code: 'internal.invariant' });
      assert.throws(() => node.state.apply(3, []), { code: 'internal.invariant' });
      assert.throws(() => node.state.applyConfState(3, CONF_STATE), { code: 'internal.invariant' });
      node.state.applyConfState(2, { ...CONF_STATE, voters: [1] });
      assert.equal(node.state.appliedIndex, 2);
    });

    test('is there again after a restart, with configuration and requests', async () => {
      const id = newRequestId();
      node.apply(put('one', 'value'), { id, baseIndex: 0 });
      const joint = { ...CONF_STATE, votersOutgoing: [1, 2], learnersNext: [2], autoLeave: true };
      node.state.applyConfState(2, joint);
      node.apply({
        kind: 'record-deliveries',
        deliveries: [deliveryOf('t', 'id-one', 1)],
      });
      await node.flush();
      const [content, digest] = [node.content(), node.state.digest];
      await node.reopen();
      assert.deepEqual(node.content(), content);
      assert.deepEqual(node.state.digest, digest);
      assert.deepEqual(node.state.confState, joint);
      assert.deepEqual(node.apply(put('one', 'value'), { id, baseIndex: 0 }), {
        kind: 'applied',
        secret: node.state.index.byName('one'),
        effects: [],
        index: 1,
      });
      assert.equal(node.state.index.byName('one')?.versions.length, 1);
    });

    test('says by its digest whether it is the same as that of another node', async () => {
      const keyring = Keyring.generate();
      const twin = await StateHarness.make(new Keyring(keyring.active, [], node.keyring.indexKey));
      const digests = (): readonly string[] => [node, twin].map(({ state }) => state.digest.toString('hex'));
      const commands: readonly Command[] = [
        put('one', 'value'),
        put('two', 'value'),
        put('one', 'again'),
        { kind: 'remove', id: 'id-two' },
        { kind: 'record-deliveries', deliveries: [deliveryOf('t', 's', 1)] },
      ];
      const seen = new Set<string>();
      for (const [number, command] of commands.entries()) {
        const id = number.toString(16).padStart(32, '0');
        node.apply(command, { id });
        const [ahead, behind] = digests();
        assert.notEqual(ahead, behind);
        twin.apply(command, { id });
        const [one, same] = digests();
        assert.equal(one, same);
        seen.add(one ?? '');
      }
      node.state.applyConfState(6, { ...CONF_STATE, learners: [] });
      twin.state.apply(6, []);
      assert.notEqual(...(digests() as [string, string]));
      assert.equal(seen.size, commands.length);
      await twin.close();
    });

    test('remembers requests as long as their window, also where the ring comes round and after a restart', async () => {
      const ids = Array.from({ length: REQUESTS_KEPT + 3 }, (_, number) =>
        number.toString(16).padStart(32, '0'),
      );
      const remove: Command = { kind: 'record-deliveries', deliveries: [] };
      for (const [number, id] of ids.entries()) {
        node.apply(remove, { id });
        if (number % 4_000 === 0) {
          await node.flush();
        }
      }
      await node.flush();
      const digest = node.state.digest;
      await node.reopen();
      assert.deepEqual(node.state.digest, digest);
      const { index } = node.state;
      assert.equal(index.requestsApplied, ids.length);
      assert.equal(index.requestById(ids[2] ?? ''), undefined);
      assert.equal(index.requestById(ids[3] ?? '')?.index, 4);
      const again = node.apply(remove, { id: ids[3] ?? '', baseIndex: 3 });
      assert.ok(again.kind === 'applied' && again.index === 4);
      const late = node.apply(remove, { id: ids[2] ?? '', baseIndex: 2 });
      assert.ok(late.kind === 'refused' && late.error.code === 'request.expired');
    });

    for (const ring of ['request', 'delivery'] as const) {
      test(`that lost a record of kind ${ring}, or has an older one again, is refused`, async () => {
        const add = async (count: number, text: string): Promise<void> => {
          if (ring === 'request') {
            await fill(node, count, text);
            return;
          }
          const deliveries = Array.from({ length: count }, (_, number) =>
            deliveryOf(`${text}-${number}`, 's', 1),
          );
          node.apply({ kind: 'record-deliveries', deliveries });
          await node.flush();
        };
        const key = new StateKeys(node.keyring, 1).page(ring, 0);
        await add(2, 'older');
        const older = node.database.get(key, 'a page');
        assert.ok(older !== undefined);
        await add(1, 'newer');
        const newer = node.database.get(key, 'a page');
        assert.ok(newer !== undefined && !newer.equals(older));
        const refused = (found: number): RegExp =>
          new RegExp(`store\\.damaged.*records of kind ${ring} hold ${found} where 3 are remembered`);
        await node.database.write([{ type: 'put', key, value: older }], { sync: false });
        await assert.rejects(node.reopen(), refused(2));
        await node.database.write([{ type: 'del', key }], { sync: false });
        await assert.rejects(node.reopen(), refused(0));
      });
    }
  });

  describe('replaced by a snapshot', () => {
    beforeEach(async () => {
      await fill(node, 5, 'old');
      await fill(other, 8, 'new');
      other.apply(put('old-0', 'a secret that both have'));
      await other.flush();
    });

    test('serves as it was while the other one is staged, and is the other one from its installation on', async () => {
      const before = node.content();
      const stage = await node.stage(await other.export());
      assert.deepEqual(node.content(), before);
      node.apply(put('old-9', 'applied meanwhile'));
      await node.flush();
      assert.deepEqual(await node.generations(), { 1: 19, 2: 29 });
      await node.install(stage);
      assertIsOther();
      await node.reopen();
      assertIsOther();
      assert.ok(node.state.hasObsolete);
      assert.equal(await node.clearObsolete(), 19);
      assert.deepEqual(await node.generations(), { 2: 29 });
      assert.ok(!node.state.hasObsolete);
      await node.reopen();
      assertIsOther();
      assert.ok(!node.state.hasObsolete);
    });

    test('goes on from there: entries are applied, restarts find them, and the next snapshot replaces it again', async () => {
      await node.install(await node.stage(await other.export()));
      for (const harness of [node, other]) {
        harness.apply(put('new-0', 'second version'), { id: 'a'.repeat(32) });
        harness.apply({ kind: 'remove', id: 'id-new-1' }, { id: 'b'.repeat(32) });
        await harness.flush();
      }
      assertIsOther();
      await node.reopen();
      assertIsOther();
      other.apply(put('new-7', 'third'));
      await other.flush();
      await node.install(await node.stage(await other.export()));
      assertIsOther();
      assert.deepEqual(Object.keys(await node.generations()), ['1', '2', '3']);
      await node.clearObsolete();
      assert.deepEqual(Object.keys(await node.generations()), ['3']);
      await node.reopen();
      assertIsOther();
    });

    test('B23: is switched by one record in one batch: a crash before it leaves the old state, whole', async () => {
      const before = node.content();
      const stage = await node.stage(await other.export());
      const batch = node.state.install(stage, 9, CONF_STATE);
      assert.equal(batch.operations.length, 1);
      await node.reopen();
      assert.deepEqual(node.content(), before);
      assert.equal(await node.clearObsolete(), 29, 'what was staged is in the way');
      assert.deepEqual(Object.keys(await node.generations()), ['1']);
    });

    test('leaves exactly one state after a crash at any write of it', async () => {
      const chunks = await other.export();
      const before = node.content();
      const stage = node.state.stage();
      const writes = chunks
        .map((chunk) => stage.add(chunk))
        .flatMap((operations) => operations.map((each) => [each]));
      for (const operations of writes) {
        await node.database.write(operations, { sync: false });
        const harness = await node.crashCopy();
        assert.deepEqual(harness.content(), before);
        await harness.clearObsolete();
        assert.deepEqual(Object.keys(await harness.generations()), ['1']);
        await harness.close();
      }
      stage.finish();
      await node.install(stage);
      const installed = await node.crashCopy();
      assert.deepEqual(installed.content(), other.content());
      await installed.close();
      for await (const operations of node.state.obsoleteGroups(node.database)) {
        for (const operation of operations) {
          await node.database.write([operation], { sync: false });
          const harness = await node.crashCopy();
          assert.deepEqual(harness.content(), other.content());
          await harness.clearObsolete();
          assert.deepEqual(Object.keys(await harness.generations()), ['2']);
          await harness.close();
        }
      }
    });

    test('does not mix with what an interrupted transfer has left', async () => {
      const chunks = await other.export();
      const interrupted = node.state.stage();
      for (const chunk of chunks) {
        await node.database.write(interrupted.add(chunk).slice(0, 5), { sync: false });
      }
      await node.reopen();
      assert.ok(node.state.hasObsolete);
      const stage = await node.stage(chunks);
      assert.equal(stage.generation, 3, 'no generation is used for two');
      assert.equal(await node.clearObsolete(), 5, 'clearing goes on beside the new transfer');
      await node.install(stage);
      await node.reopen();
      assertIsOther();
    });

    test('gives up a stage for the next one, or when it is told to', async () => {
      const chunks = await other.export();
      await node.stage(chunks);
      const second = await node.stage(chunks);
      assert.equal(await node.clearObsolete(), 29);
      node.state.abandonStage();
      assert.equal(await node.clearObsolete(), 29);
      assert.deepEqual(Object.keys(await node.generations()), ['1']);
      assert.equal(second.generation, 3);
    });

    test('drops what was applied and not written, and keeps a batch in flight from harm', async () => {
      const stage = await node.stage(await other.export());
      node.apply(put('old-0', 'in flight'));
      const inFlight = node.state.batch();
      node.apply(put('old-1', 'not written'));
      const install = node.state.install(stage, 9, CONF_STATE);
      await node.database.write(inFlight.operations, { sync: false });
      await node.database.write(install.operations, { sync: true });
      node.state.written(inFlight);
      node.state.written(install);
      assertIsOther();
      assert.ok(node.state.changed, 'a later batch may carry the switch as well');
      await node.flush();
      await node.reopen();
      assertIsOther();
    });

    test('reads the new values at once, in the place of those under the same names', async () => {
      await node.install(await node.stage(await other.export()));
      assert.equal(node.state.readValue('id-old-0', 1).expose().toString(), 'a secret that both have');
      assert.throws(() => node.state.readValue('id-old-1', 1), { code: 'store.damaged' });
    });

    test('knows the requests that were applied elsewhere, also where the ring has come round', async () => {
      const remove: Command = { kind: 'record-deliveries', deliveries: [] };
      const idOf = (number: number): string => number.toString(16).padStart(32, '0');
      const first = other.state.appliedIndex + 1;
      for (let number = 0; number < REQUESTS_KEPT + 5; number += 1) {
        other.apply(remove, { id: idOf(number) });
      }
      await other.flush();
      await node.install(await node.stage(await other.export()));
      await node.reopen();
      assert.equal(node.state.index.requestsApplied, other.state.index.requestsApplied);
      for (const number of [5, 6, REQUESTS_KEPT, REQUESTS_KEPT + 4]) {
        const again = node.apply(put('new-0', 'again'), { id: idOf(number), baseIndex: first + number - 1 });
        assert.deepEqual(
          [again.kind, again.index, again.effects],
          ['applied', first + number, []],
          `request ${number}`,
        );
      }
      assert.equal(node.state.index.requestById(idOf(4)), undefined);
      const late = node.apply(remove, { id: idOf(4), baseIndex: first + 3 });
      assert.ok(late.kind === 'refused' && late.error.code === 'request.expired');
    });

    test('is not taken back, and not given what was not announced', async () => {
      const chunks = await other.export();
      const stage = await node.stage(chunks);
      assert.throws(() => node.state.install(stage, 10, CONF_STATE), { code: 'store.damaged' });
      assert.throws(() => node.state.install(stage, 9, { ...CONF_STATE, voters: [1] }), {
        code: 'store.damaged',
      });
      assert.throws(() => node.state.install(stage, 4, CONF_STATE), { code: 'internal.invariant' });
      await node.install(stage);
      assertIsOther();
    });
  });
});
