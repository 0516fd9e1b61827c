// SPDX-License-Identifier: Apache-2.0
// The simulated network: what arrives, when, and what does not.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type CofferError } from '../../src/common/index.ts';
import type { MsgSnap, NodeId, PeerMessage } from '../../src/raft/index.ts';
import { RandomStream } from './kernel/random-stream.ts';
import { Scheduler } from './kernel/scheduler.ts';
import type { NetworkTraits } from './network/link.ts';
import { type Endpoint, SimNetwork } from './network/sim-network.ts';

const TRAITS: NetworkTraits = {
  ordered: true,
  loss: 0,
  duplication: 0,
  delay_us: 1_000,
  spread: 2,
  bytes_per_ms: 1_000,
};

const CONF_STATE = { voters: [1, 2], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };
const SNAPSHOT: MsgSnap = {
  type: 'MsgSnap',
  from: 1,
  to: 2,
  term: 3,
  snapshot: { data: Buffer.alloc(32), metadata: { confState: CONF_STATE, index: 9, term: 2 } },
};

function heartbeat(commit: number): PeerMessage {
  return { type: 'MsgHeartbeat', from: 1, to: 2, term: 3, commit, context: Buffer.alloc(0) };
}

/** Two nodes, of which one sends and one notes what it gets. */
class Wire {
  readonly scheduler = new Scheduler();
  readonly network: SimNetwork;
  readonly happened: string[] = [];
  readonly received: number[] = [];
  readonly unreachable: NodeId[] = [];
  /** The chunks of a snapshot, and how it ended. */
  readonly chunks: string[] = [];

  constructor(traits: Partial<NetworkTraits> = {}) {
    this.network = new SimNetwork(
      this.scheduler,
      new RandomStream('wire'),
      { ...TRAITS, ...traits },
      {
        sent: ({ type }) => type,
        happened: (how) => this.happened.push(how),
        stream: (what) => this.happened.push(what),
      },
    );
    this.network.attach(1, this.#endpoint());
    this.network.attach(2, this.#endpoint());
  }

  send(message: PeerMessage): void {
    this.network.transportOf(1, this.#endpoint()).send(message);
  }

  sendSnapshot(chunks: readonly string[]): Promise<void> {
    return this.network.transportOf(1, this.#endpoint()).sendSnapshot(SNAPSHOT, source(chunks));
  }

  async pass(duration_us = 10_000_000): Promise<void> {
    await this.scheduler.run(
      this.scheduler.now_us + duration_us,
      () => undefined,
      () => false,
    );
  }

  #endpoint(): Endpoint {
    return {
      alive: true,
      after: (delay_us, run) => void this.scheduler.after(delay_us, run),
      post: (run) => run(),
      receive: (message) => {
        if (message.type === 'MsgHeartbeat') {
          this.received.push(message.commit);
        }
      },
      receiveSnapshot: async (_message, chunks) => {
        for await (const chunk of chunks) {
          this.chunks.push(chunk.toString());
        }
        this.chunks.push('end');
      },
      reportUnreachable: (id) => this.unreachable.push(id),
    };
  }
}

async function* source(chunks: readonly string[]): AsyncGenerator<Buffer> {
  for (const chunk of chunks) {
    yield Buffer.from(chunk);
  }
}

const numbers = (count: number): readonly number[] => Array.from({ length: count }, (_, number) => number);

describe('the simulated network', () => {
  test('carries messages in order where they share a connection, and out of it where they do not', async () => {
    for (const ordered of [true, false]) {
      const wire = new Wire({ ordered, spread: 20 });
      numbers(100).forEach((number) => wire.send(heartbeat(number)));
      await wire.pass();
      const sorted = [...wire.received].sort((a, b) => a - b);
      assert.deepEqual(sorted, numbers(100));
      assert.equal(wire.received.join() === sorted.join(), ordered);
    }
  });

  test('gives each message to its receiver as a copy', async () => {
    const wire = new Wire();
    const data = Buffer.from('secret');
    const entry = { index: 1, term: 3, type: 'EntryNormal', data } as const;
    wire.send({ type: 'MsgApp', from: 1, to: 2, term: 3, index: 0, logTerm: 0, commit: 0, entries: [entry] });
    data.fill(0);
    await wire.pass();
    assert.deepEqual(wire.happened, ['delivered']);
  });

  test('loses and repeats as many as it is told to', async () => {
    const wire = new Wire({ ordered: false, loss: 0.2, duplication: 0.3 });
    numbers(1_000).forEach((number) => wire.send(heartbeat(number)));
    await wire.pass();
    const lost = wire.happened.filter((how) => how === 'lost').length;
    const twice = wire.happened.filter((how) => how === 'twice').length;
    assert.ok(lost > 150 && lost < 250, `${lost} of 1,000 are lost`);
    assert.ok(twice > 190 && twice < 290, `${twice} of ${1_000 - lost} come twice`);
    assert.equal(wire.received.length, 1_000 - lost + twice);
    assert.ok(wire.unreachable.length > 30, 'the sender often hears of a loss');
  });

  test('lets nothing through where it is cut, in that direction only, not even what was under way', async () => {
    const wire = new Wire();
    wire.send(heartbeat(1));
    wire.network.link(1, 2).cut = true;
    wire.send(heartbeat(2));
    await wire.pass();
    assert.deepEqual(wire.received, []);
    wire.send({ ...heartbeat(3), from: 2, to: 1 });
    await wire.pass();
    assert.deepEqual(wire.received, [3]);
  });

  test('holds back what is sent where it is clogged, and brings it when it is free', async () => {
    const wire = new Wire();
    wire.network.link(1, 2).clogged = true;
    numbers(5).forEach((number) => wire.send(heartbeat(number)));
    await wire.pass();
    assert.deepEqual(wire.received, []);
    wire.network.release(wire.network.link(1, 2));
    await wire.pass();
    assert.deepEqual(wire.received, numbers(5));
  });

  test('takes as long as its bandwidth and its slowness demand', async () => {
    const wire = new Wire();
    wire.network.link(1, 2).slowness = 100;
    wire.send(heartbeat(1));
    await wire.pass(90_000);
    assert.deepEqual(wire.received, []);
    await wire.pass(200_000);
    assert.deepEqual(wire.received, [1]);
  });
});

describe('a snapshot on the simulated network', () => {
  /** What the sender is told. */
  function outcomeOf(sending: Promise<void>): { readonly said: () => string } {
    let said = 'nothing yet';
    sending.then(
      () => {
        said = 'taken';
      },
      (error: CofferError) => {
        said = error.code;
      },
    );
    return { said: () => said };
  }

  test('arrives chunk by chunk, and then the sender hears of it', async () => {
    const wire = new Wire();
    const { said } = outcomeOf(wire.sendSnapshot(['a', 'b', 'c']));
    await wire.pass();
    assert.deepEqual([wire.chunks, said()], [['a', 'b', 'c', 'end'], 'taken']);
  });

  test('breaks off where the link is cut, for both of them', async () => {
    const wire = new Wire();
    const { said } = outcomeOf(wire.sendSnapshot(['a', 'b', 'c', 'd', 'e', 'f']));
    await wire.pass(7_000);
    wire.network.link(1, 2).cut = true;
    await wire.pass();
    assert.ok(wire.chunks.length > 0 && !wire.chunks.includes('end'), wire.chunks.join());
    assert.equal(said(), 'store.unavailable');
  });

  test('breaks off when the receiver dies', async () => {
    const wire = new Wire();
    const { said } = outcomeOf(wire.sendSnapshot(['a', 'b', 'c', 'd', 'e', 'f']));
    await wire.pass(7_000);
    wire.network.detach(2);
    await wire.pass();
    assert.equal(said(), 'store.unavailable');
    assert.equal(wire.network.streaming, false);
  });

  test('is not taken where there is nobody', async () => {
    const wire = new Wire();
    wire.network.detach(2);
    const { said } = outcomeOf(wire.sendSnapshot(['a']));
    await wire.pass();
    assert.deepEqual([wire.chunks, said()], [[], 'store.unavailable']);
  });
});
