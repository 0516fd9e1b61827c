// SPDX-License-Identifier: Apache-2.0
// Clients that store, change and remove secrets until coffer is killed under them, and what they may rely on then.
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import type { Engine } from './engine.ts';
import {
  callControl,
  createThroughGateway,
  getSecret,
  inParallel,
  putThroughControl,
  type Sockets,
  valueIn,
} from './secret-calls.ts';
import type { SeededRandom } from './seeded-random.ts';
import { requestOverSocket, type SocketReply } from './socket-request.ts';
import { waitFor } from './wait-for.ts';

/** A value as text, or `ABSENT`: there is no such secret. */
type Outcome = string;
const ABSENT: Outcome = 'absent';

/** What may be found under a name: one outcome, when the last change was acknowledged; more, when it was not. */
interface Expectation {
  readonly way: 'gateway' | 'control';
  readonly possible: Set<Outcome>;
}

interface ListedSecret {
  readonly name: string;
  readonly origin: string;
}

interface EngineSecret {
  readonly ID: string;
  readonly Spec: { readonly Name: string; readonly Driver?: { readonly Name: string } };
}

const CHECK_WIDTH = 8;
/** A pending secret counts as left behind after 30 s; then comes a round of the reconciler. */
const settle_ms_max = 60_000;

export class CrashLoad {
  readonly #engine: Engine;
  readonly #sockets: Sockets;
  readonly #random: SeededRandom;
  readonly #expected = new Map<string, Expectation>();
  #round = 0;
  #checks = 0;
  #acknowledged = 0;
  #broken = 0;
  #stopped = true;
  #failure: unknown;
  #writers: Promise<void>[] = [];

  constructor(engine: Engine, sockets: Sockets, random: SeededRandom) {
    this.#engine = engine;
    this.#sockets = sockets;
    this.#random = random;
  }

  /** How many changes were acknowledged, and how many calls broke off without an answer or failed, so far. */
  get counts(): { readonly acknowledged: number; readonly broken: number } {
    return { acknowledged: this.#acknowledged, broken: this.#broken };
  }

  /** Sets `width` clients to work, each on names of its own. */
  start(width: number): void {
    this.#round += 1;
    this.#stopped = false;
    this.#writers = Array.from({ length: width }, async (_, writer) =>
      this.#write(`r${this.#round}w${writer}`).catch((error: unknown) => {
        this.#failure ??= error;
      }),
    );
  }

  /** Resolves once `count` further changes were acknowledged, so that a kill meets a load under way. */
  async acknowledges(count: number): Promise<void> {
    const goal = this.#acknowledged + count;
    await waitFor(() => this.#acknowledged >= goal, {
      what: `${count} acknowledged changes`,
      interval_ms: 5,
      timeout_ms: 30_000,
    });
  }

  /** Lets the clients end with the call that they have begun. Rejects if one was refused what it should get. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#writers);
    if (this.#failure !== undefined) {
      throw new Error('a client met what it should not', { cause: this.#failure });
    }
  }

  /** Throws unless every name has what it may have, and no secret of the engine is without a value. */
  async verify(): Promise<void> {
    this.#checks += 1;
    const listed = new Set((await this.#listed()).map(({ name }) => name));
    await inParallel([...this.#expected], CHECK_WIDTH, async ([name, { possible }]) => {
      const found = await this.#find(name);
      assert.ok(
        possible.has(found),
        `${name} is ${shown(found)}, not ${[...possible].map(shown).join(' or ')}`,
      );
      if (possible.size === 1) {
        assert.equal(listed.has(name), found !== ABSENT, `${name} in coffer's list`);
      }
    });
    const registered = await this.#registered();
    for (const [name, { way, possible }] of this.#expected) {
      if (way === 'gateway' && possible.size === 1) {
        assert.equal(registered.has(name), !possible.has(ABSENT), `${name} in the engine's list`);
      }
    }
    for (const name of registered) {
      assert.notEqual(await this.#find(name), ABSENT, `${name}, which the engine has, has a value`);
    }
  }

  /** Waits until the store and the engine have the same, and nothing is pending; then nothing changes any more. */
  async settled(): Promise<void> {
    let last = '';
    await waitFor(
      async () => {
        // The reconciler looks whenever the engine says that a secret was removed.
        const knock = await requestOverSocket(this.#engine.socket, {
          method: 'POST',
          path: '/secrets/create',
          body: { Name: 'knock', Data: 'a25vY2s=' },
        });
        const { ID } = knock.json() as EngineSecret;
        await requestOverSocket(this.#engine.socket, { method: 'DELETE', path: `/secrets/${ID}` });
        const listed = await this.#listed();
        const stored = listed.filter(({ origin }) => origin === 'gateway').map(({ name }) => name);
        const registered = [...(await this.#registered())];
        const { store } = (await callControl(this.#sockets, 'GET', '/v1/status')).json() as {
          readonly store: { readonly secrets: number };
        };
        last = `${store.secrets} stored, ${listed.length} listed; ${stored.length} of the gateway, ${registered.length} in the engine`;
        return store.secrets === listed.length && isSameSet(stored, registered);
      },
      { what: 'store and engine to agree', timeout_ms: settle_ms_max, interval_ms: 1_000 },
    ).catch((error: unknown) => {
      throw new Error(last, { cause: error });
    });
  }

  async #write(prefix: string): Promise<void> {
    const own: string[] = [];
    for (let number = 0; !this.#stopped; number += 1) {
      const name = `${prefix}-${number}`;
      const choice = this.#random.below(10);
      const before = choice < 8 ? undefined : own.pop();
      if (before !== undefined) {
        await (choice === 8 ? this.#remove(before) : this.#change(before));
      } else if (await this.#create(name, choice % 2 === 0 ? 'gateway' : 'control')) {
        own.push(name);
      }
    }
  }

  async #create(name: string, way: Expectation['way']): Promise<boolean> {
    const expectation = { way, possible: new Set<Outcome>([ABSENT]) };
    this.#expected.set(name, expectation);
    return this.#attempt(expectation, this.#newValue(name), async (value) =>
      way === 'gateway'
        ? createThroughGateway(this.#sockets, name, value)
        : putThroughControl(this.#sockets, name, value),
    );
  }

  async #change(name: string): Promise<void> {
    const expectation = this.#expected.get(name);
    if (expectation !== undefined) {
      const put = async (value: Buffer) => putThroughControl(this.#sockets, name, value);
      await this.#attempt(expectation, this.#newValue(name), put);
    }
  }

  async #remove(name: string): Promise<void> {
    const expectation = this.#expected.get(name);
    if (expectation !== undefined) {
      await this.#attempt(expectation, ABSENT, async () =>
        expectation.way === 'gateway'
          ? requestOverSocket(this.#sockets.gatewaySocket, {
              method: 'DELETE',
              path: `/v1.41/secrets/${name}`,
            })
          : callControl(this.#sockets, 'DELETE', `/v1/secrets/${name}`),
      );
    }
  }

  async #attempt(
    { possible }: Expectation,
    outcome: Outcome,
    change: (value: Buffer) => Promise<SocketReply>,
  ): Promise<boolean> {
    possible.add(outcome);
    try {
      const { status, text } = await change(Buffer.from(outcome));
      if (status < 300) {
        possible.clear();
        possible.add(outcome);
        this.#acknowledged += 1;
        return true;
      }
      assert.ok(status >= 500, `a call that should succeed is refused: ${status} ${text}`);
    } catch (error) {
      if (error instanceof assert.AssertionError) {
        throw error;
      }
      // The connection broke: nobody knows what became of it.
    }
    this.#broken += 1;
    // A socket that nobody serves is not hammered at.
    await delay(20);
    return false;
  }

  #newValue(name: string): string {
    return `${name}:${this.#random.bytes(16 + this.#random.below(600)).toString('base64')}`;
  }

  async #find(name: string): Promise<Outcome> {
    const reply = await getSecret(this.#sockets, { secret: name, task: `check-${this.#checks}-${name}` });
    if (reply.text.startsWith('{"Err":"[secret.not-found]')) {
      return ABSENT;
    }
    return valueIn(reply).toString('utf8');
  }

  async #listed(): Promise<readonly ListedSecret[]> {
    const reply = await callControl(this.#sockets, 'GET', '/v1/secrets');
    assert.equal(reply.status, 200, reply.text);
    return (reply.json() as { readonly secrets: readonly ListedSecret[] }).secrets;
  }

  async #registered(): Promise<ReadonlySet<string>> {
    const reply = await requestOverSocket(this.#engine.socket, { path: '/secrets' });
    assert.equal(reply.status, 200, reply.text);
    const secrets = reply.json() as readonly EngineSecret[];
    return new Set(secrets.filter(({ Spec }) => Spec.Driver !== undefined).map(({ Spec }) => Spec.Name));
  }
}

/** Resolves when the store behind the control socket serves; rejects with the daemon's reason when it does not. */
export async function storeServes(sockets: Pick<Sockets, 'controlSocket'>): Promise<void> {
  await waitFor(
    async () => {
      const { text } = await callControl(sockets, 'GET', '/v1/status');
      const { state, reason } = JSON.parse(text) as { readonly state: string; readonly reason?: object };
      if (state === 'degraded') {
        throw new Error(JSON.stringify(reason));
      }
      return state === 'serving';
    },
    { what: 'the store to serve', interval_ms: 20 },
  );
}

function isSameSet(one: readonly string[], other: readonly string[]): boolean {
  const set = new Set(one);
  return set.size === other.length && other.every((name) => set.has(name));
}

function shown(outcome: Outcome): string {
  return outcome === ABSENT ? outcome : `a value of ${outcome.length} characters (${outcome.slice(0, 24)})`;
}
