// SPDX-License-Identifier: Apache-2.0
// The network of a simulated cluster. Messages travel as the bytes that real nodes would exchange.
import { CofferError } from '../../../src/common/index.ts';
import { decodeMessage, encodeMessage } from '../../../src/raft/codec/codec.ts';
import type { MsgSnap, NodeId, PeerMessage } from '../../../src/raft/index.ts';
import type { Transport } from '../../../src/store/index.ts';
import type { Host } from '../disk/sim-database.ts';
import type { RandomStream } from '../kernel/random-stream.ts';
import type { Scheduler } from '../kernel/scheduler.ts';
import { Link, type NetworkTraits } from './link.ts';
import { IncomingChunks } from './snapshot-stream.ts';

/** A process that can be reached. */
export interface Endpoint extends Host {
  readonly alive: boolean;
  post(run: () => void): void;
  /** Called in the process. */
  receive(message: PeerMessage): void;
  receiveSnapshot(message: MsgSnap, chunks: AsyncIterable<Buffer>): Promise<void>;
  reportUnreachable(id: NodeId): void;
}

/** Told of what happens to messages. */
export interface NetworkObserver {
  /** Returns the message in words: later its entries may be wiped. */
  sent(message: PeerMessage): string;
  /** `how` is one of: lost, cut, dead, clogged, twice, delivered. */
  happened(how: string, type: PeerMessage['type'], words: string): void;
  stream(what: string, message: MsgSnap): void;
}

/** A message on its way. */
interface Letter {
  readonly from: NodeId;
  readonly to: NodeId;
  readonly type: PeerMessage['type'];
  readonly bytes: Buffer;
  readonly words: string;
}

interface Stream {
  readonly message: MsgSnap;
  readonly breakOff: (reason: string) => void;
}

/** Chunks on their way that the receiver has not read: the sender waits for room. */
const WINDOW_CHUNKS = 2;
const WINDOW_POLL_US = 500;
/** A connection to nobody is given up after this time. */
const CONNECT_TIMEOUT_US = 300_000;

export class SimNetwork {
  readonly #scheduler: Scheduler;
  readonly #random: RandomStream;
  readonly #traits: NetworkTraits;
  readonly #observer: NetworkObserver;
  readonly #links = new Map<string, Link>();
  readonly #endpoints = new Map<NodeId, Endpoint>();
  readonly #held = new Map<Link, Letter[]>();
  readonly #streams = new Set<Stream>();
  #calm = false;

  constructor(scheduler: Scheduler, random: RandomStream, traits: NetworkTraits, observer: NetworkObserver) {
    this.#scheduler = scheduler;
    this.#random = random;
    this.#traits = traits;
    this.#observer = observer;
  }

  /** The process that messages to `id` go to from now on. */
  attach(id: NodeId, endpoint: Endpoint): void {
    this.#endpoints.set(id, endpoint);
  }

  /** The process has died: its streams break off. */
  detach(id: NodeId): void {
    this.#endpoints.delete(id);
    this.breakStreams((message) => message.from === id || message.to === id, 'the process died');
  }

  link(from: NodeId, to: NodeId): Link {
    const key = `${from}>${to}`;
    const known = this.#links.get(key);
    if (known !== undefined) {
      return known;
    }
    const link = new Link(this.#random.fork(key), this.#traits);
    if (this.#calm) {
      link.calm();
    }
    this.#links.set(key, link);
    return link;
  }

  /** All links are whole again and lose nothing, and what waited arrives. */
  calm(): void {
    this.#calm = true;
    for (const link of this.#links.values()) {
      link.calm();
      link.heal();
      this.release(link);
    }
  }

  /** Sends what waited for the link to be free. */
  release(link: Link): void {
    link.clogged = false;
    const held = this.#held.get(link) ?? [];
    this.#held.delete(link);
    held.forEach((letter) => this.#carry(link, letter));
  }

  /** Breaks those streams off that `concerned` picks. */
  breakStreams(concerned: (message: MsgSnap) => boolean, reason: string): void {
    for (const stream of this.#streams) {
      if (concerned(stream.message)) {
        stream.breakOff(reason);
      }
    }
  }

  /** Whether a snapshot is on its way. */
  get streaming(): boolean {
    return this.#streams.size > 0;
  }

  /** The network as a process sees it. */
  transportOf(id: NodeId, endpoint: Endpoint): Transport {
    return {
      send: (message) => {
        if (endpoint.alive) {
          this.#send(endpoint, message);
        }
      },
      sendSnapshot: (message, chunks) => this.#sendSnapshot(endpoint, { ...message, from: id }, chunks),
    };
  }

  #send(sender: Endpoint, message: PeerMessage): void {
    const { from, to, type } = message;
    const letter: Letter = {
      from,
      to,
      type,
      bytes: encodeMessage(message),
      words: this.#observer.sent(message),
    };
    const link = this.link(from, to);
    if (link.loses()) {
      this.#happened(link.cut ? 'cut' : 'lost', letter);
      this.#mayReport(sender, to);
    } else if (link.clogged) {
      this.#happened('clogged', letter);
      this.#held.set(link, [...(this.#held.get(link) ?? []), letter]);
    } else {
      this.#carry(link, letter);
      if (link.duplicates()) {
        this.#happened('twice', letter);
        this.#carry(link, letter);
      }
    }
  }

  #carry(link: Link, letter: Letter): void {
    this.#scheduler.after(link.delay_us(this.#scheduler.now_us, letter.bytes.length), () => {
      const receiver = this.#endpoints.get(letter.to);
      if (receiver === undefined || link.cut) {
        this.#happened(receiver === undefined ? 'dead' : 'cut', letter);
        const sender = this.#endpoints.get(letter.from);
        if (sender !== undefined) {
          this.#mayReport(sender, letter.to);
        }
        return;
      }
      receiver.post(() => {
        this.#happened('delivered', letter);
        receiver.receive(decodeMessage(letter.bytes));
      });
    });
  }

  #happened(how: string, { type, words }: Letter): void {
    this.#observer.happened(how, type, words);
  }

  /** A sender often learns that a message was lost: the connection is gone. */
  #mayReport(sender: Endpoint, to: NodeId): void {
    if (this.#random.chance(0.3)) {
      sender.after(this.#random.between(100, 5_000), () => sender.reportUnreachable(to));
    }
  }

  async #sendSnapshot(sender: Endpoint, message: MsgSnap, source: AsyncIterable<Buffer>): Promise<void> {
    const bytes = encodeMessage(message);
    this.#observer.sent(message);
    const link = this.link(message.from, message.to);
    await pause(sender, link.delay_us(this.#scheduler.now_us, bytes.length));
    const receiver = this.#endpoints.get(message.to);
    if (receiver === undefined || link.loses()) {
      this.#observer.stream('not connected', message);
      await pause(sender, this.#random.below(CONNECT_TIMEOUT_US));
      throw new CofferError('store.unavailable', 'the peer cannot be reached');
    }
    const chunks = new IncomingChunks();
    const taken = this.#open(sender, receiver, message, bytes, chunks);
    const sent = this.#sendChunks(sender, receiver, link, source, chunks).catch((thrown: unknown) => {
      this.breakStreams((other) => other === message, `the source failed: ${String(thrown)}`);
    });
    await Promise.all([taken, sent]);
  }

  /** Hands the stream to the receiver; settles as it does, or when the stream breaks off. */
  #open(
    sender: Endpoint,
    receiver: Endpoint,
    message: MsgSnap,
    bytes: Buffer,
    chunks: IncomingChunks,
  ): Promise<void> {
    this.#observer.stream('begins', message);
    return new Promise((resolve, reject) => {
      const settle = (report: () => void): void => {
        this.#streams.delete(stream);
        sender.after(this.#random.between(100, 3_000), report);
      };
      const fail = (thrown: unknown): void => {
        this.#observer.stream('failed', message);
        settle(() => reject(CofferError.from(thrown, 'store.unavailable')));
      };
      const stream: Stream = {
        message,
        breakOff: (reason) => {
          chunks.broken = true;
          receiver.post(() => chunks.push({ kind: 'broken' }));
          this.#observer.stream('breaks off', message);
          settle(() => reject(new CofferError('store.unavailable', reason)));
        },
      };
      this.#streams.add(stream);
      receiver.post(() => {
        const received = decodeMessage(bytes);
        if (received.type !== 'MsgSnap') {
          throw new RangeError('a snapshot is read back as one');
        }
        receiver.receiveSnapshot(received, chunks).then(() => {
          this.#observer.stream('taken', message);
          chunks.finish();
          settle(resolve);
        }, fail);
      });
    });
  }

  async #sendChunks(
    sender: Endpoint,
    receiver: Endpoint,
    link: Link,
    source: AsyncIterable<Buffer>,
    chunks: IncomingChunks,
  ): Promise<void> {
    const isOver = (): boolean => chunks.finished || chunks.broken;
    for await (const chunk of source) {
      const copy = Buffer.from(chunk);
      await pause(sender, link.delay_us(this.#scheduler.now_us, copy.length));
      while (!isOver() && (chunks.length >= WINDOW_CHUNKS || link.clogged)) {
        await pause(sender, WINDOW_POLL_US);
      }
      if (link.cut) {
        throw new CofferError('store.unavailable', 'the connection was cut');
      }
      if (isOver()) {
        return;
      }
      receiver.post(() => chunks.push({ kind: 'chunk', chunk: copy }));
    }
    await pause(sender, link.delay_us(this.#scheduler.now_us, 0));
    receiver.post(() => chunks.push({ kind: 'end' }));
  }
}

function pause(host: Host, duration_us: number): Promise<void> {
  return new Promise((resolve) => {
    host.after(duration_us, resolve);
  });
}
