// SPDX-License-Identifier: Apache-2.0
// Where this node is reached: the port that it listens on, and the address that it tells others.
import { CofferError, type Logger } from '../common/index.ts';
import type { NodeObject } from '../membership/index.ts';
import type { CredentialsSource, HostAndPort, Protocol } from '../transport/index.ts';
import { advertised, localAddressTowards } from './addresses.ts';
import type { ClusterSettings, EngineFacts } from './cluster-settings.ts';
import { Port, type PortServices } from './port.ts';

const LISTEN_RETRY_MS = 5_000;
const FACTS_MS = 30_000;
const FACTS_RETRY_MS = 2_000;
const NO_FACTS: EngineFacts = { nodeId: undefined, address: undefined, managers: [] };

export interface EndpointOptions {
  readonly settings: ClusterSettings;
  readonly credentials: CredentialsSource;
  /** Undefined while the node is no manager that serves. */
  readonly services: () => PortServices | undefined;
  /** See `Port`. */
  readonly protocols: readonly Protocol[];
  readonly engineFacts: () => Promise<EngineFacts>;
  readonly logger: Logger;
}

export class Endpoint {
  readonly #options: EndpointOptions;
  #port: Port;
  #listening: HostAndPort | undefined;
  #problem: CofferError | undefined;
  #listenTimer: NodeJS.Timeout | undefined;
  #facts: EngineFacts = NO_FACTS;
  #factsTimer: NodeJS.Timeout | undefined;
  #asked: Promise<void> | undefined;
  /** This node's own address on the way to a manager. */
  #towardsManager: string | undefined;
  #address = '';
  #told: () => NodeObject | undefined = () => undefined;
  #closed = false;

  constructor(options: EndpointOptions) {
    this.#options = options;
    this.#port = this.#newPort();
  }

  /** Where others reach this node, as far as it can tell; empty if it is not to listen. */
  get address(): string {
    return this.#address;
  }

  get isListening(): boolean {
    return this.#listening !== undefined;
  }

  /** Why it does not listen. */
  get problem(): CofferError | undefined {
    return this.#problem;
  }

  /** What the engine has said last. */
  get facts(): EngineFacts {
    return this.#facts;
  }

  /**
   * The engine's id in its swarm; empty: it is in none. Undefined while nobody knows: an engine that has not answered yet does not undo
   * what it said before.
   */
  get engineNodeId(): string | undefined {
    return this.#facts === NO_FACTS ? this.#told()?.engineNodeId : (this.#facts.nodeId ?? '');
  }

  /** What the cluster knows of this node is had from there from now on: better than a guess while the engine is silent. */
  believe(told: () => NodeObject | undefined): void {
    this.#told = told;
    this.#advertise();
  }

  /** Settles when the engine was asked for the first time; it is asked again and again from then on. Never rejects. */
  askEngine(): Promise<void> {
    this.#asked ??= this.#ask();
    return this.#asked;
  }

  /** Asks the engine at once. */
  async askAgain(): Promise<void> {
    await this.#ask();
  }

  /** Finds out this node's address on the way to a manager, for when nothing else is known. */
  async towards(manager: string): Promise<void> {
    this.#towardsManager ??= await localAddressTowards(manager);
  }

  /**
   * Listens, and tries again by itself if the address cannot be had: others cannot call this node until then, and one that
   * is alone can do without. Never rejects.
   */
  async listen(): Promise<void> {
    const { logger, settings } = this.#options;
    if (settings.listen === undefined || this.#closed) {
      return;
    }
    try {
      this.#listening ??= await this.#port.listen(settings.listen);
      this.#problem = undefined;
    } catch (thrown) {
      this.#problem = CofferError.from(thrown, 'settings.invalid');
      logger.warn('other nodes cannot reach this one', { reason: this.#problem.message });
      await this.#port.close();
      this.#port = this.#newPort();
      this.#listenTimer = setTimeout(() => void this.listen(), LISTEN_RETRY_MS).unref();
    }
    this.#advertise();
  }

  /** See `Port`. */
  isConnected(nodeId: string): boolean {
    return this.#port.isConnected(nodeId);
  }

  /** See `Port`. */
  cutRefused(): void {
    this.#port.cutRefused();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#listenTimer);
    clearTimeout(this.#factsTimer);
    await this.#port.close();
  }

  #newPort(): Port {
    return new Port(this.#options);
  }

  /** The engine may be starting itself: whatever can do without it does, and takes up later what it says. */
  async #ask(): Promise<void> {
    clearTimeout(this.#factsTimer);
    let again_ms = FACTS_MS;
    try {
      this.#facts = await this.#options.engineFacts();
      this.#advertise();
    } catch {
      again_ms = FACTS_RETRY_MS;
    }
    clearTimeout(this.#factsTimer);
    if (!this.#closed) {
      this.#factsTimer = setTimeout(() => void this.#ask(), again_ms).unref();
    }
  }

  #advertise(): void {
    const { settings } = this.#options;
    if (settings.listen !== undefined) {
      this.#address = advertised({
        wished: settings.advertise,
        listening: this.#listening ?? settings.listen,
        engineAddress: this.#facts.address,
        towardsManager: this.#towardsManager,
        told: this.#told()?.address,
      });
    }
  }
}
