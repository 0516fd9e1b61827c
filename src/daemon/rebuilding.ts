// SPDX-License-Identifier: Apache-2.0
// The rebuild of this manager, as its administrator sees it: begun by a command, and followed to its end.
import type { ClusterAdmin, ClusterPlace, Rebuild, RebuildWish } from '../cluster/index.ts';
import { CofferError, type Logger } from '../common/index.ts';
import type { RebuildAdmin, RebuildDescription } from '../control/index.ts';
import { rebuildRefusal } from './rebuild-refusal.ts';
import type { StoreKeeper } from './store-keeper.ts';

const LOOK_MS = 1_000;

export interface RebuildingOptions {
  readonly keeper: StoreKeeper;
  readonly rebuild: Pick<Rebuild, 'begin' | 'finish' | 'state'>;
  readonly place: () => ClusterPlace;
  /** Throws while this node is no manager that serves. */
  readonly admin: () => ClusterAdmin;
  readonly logger: Logger;
}

export class Rebuilding implements RebuildAdmin {
  readonly #options: RebuildingOptions;
  #last: Promise<unknown> = Promise.resolve();
  /** What has come to its end since the daemon was started. */
  #done: RebuildDescription | undefined;
  #timer: NodeJS.Timeout | undefined;
  #looking = false;

  constructor(options: RebuildingOptions) {
    this.#options = options;
  }

  /** Sees to the end of one that is under way, also from before the daemon was started. */
  start(): void {
    this.#timer = setInterval(() => void this.#look(), LOOK_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  begin(wish: RebuildWish): Promise<RebuildDescription> {
    // Of two that come together, the second finds it begun.
    const begun = this.#last.then(() => this.#begin(wish));
    this.#last = begun.catch(() => undefined);
    return begun;
  }

  async describe(): Promise<RebuildDescription> {
    if (this.#done !== undefined) {
      return this.#done;
    }
    const { keeper, rebuild } = this.#options;
    const { nodeId, replaces, setAside, stage } = rebuild.state;
    const known = { nodeId, replaces, setAside };
    if (stage === 'none') {
      return { stage };
    }
    const { reason } = keeper;
    const problem = reason === undefined || reason.code === 'store.starting' ? undefined : reason.detail;
    if (stage === 'agreed') {
      return { stage: 'joined', ...known, problem };
    }
    const secrets = reason === undefined ? keeper.source().status().secrets : undefined;
    const description = { ...known, secrets, problem };
    return (await this.#votes(nodeId))
      ? this.#finished({ stage: 'done', ...description })
      : { stage: 'copying', ...description };
  }

  /** What is left of the rebuild on the disk goes before anybody is told that it is done. */
  async #finished(done: RebuildDescription): Promise<RebuildDescription> {
    await this.#options.rebuild.finish();
    if (this.#done === undefined) {
      this.#options.logger.info('this manager was rebuilt', { node: done.nodeId });
    }
    this.#done = done;
    return done;
  }

  async #begin(wish: RebuildWish): Promise<RebuildDescription> {
    const { keeper, place, rebuild } = this.#options;
    const before = await this.describe();
    const isDamaged = keeper.reason?.code === 'store.damaged';
    if (before.stage !== 'none' && before.stage !== 'done' && !isDamaged) {
      return before;
    }
    const { problem } = place();
    const refusal = rebuildRefusal({ reason: keeper.reason, problem, hasToken: wish.token !== undefined });
    if (refusal !== undefined) {
      throw refusal;
    }
    await rebuild.begin(wish);
    this.#done = undefined;
    void keeper.reopen('this manager is being rebuilt');
    return this.describe();
  }

  async #look(): Promise<void> {
    if (this.#looking || this.#done !== undefined || this.#options.rebuild.state.stage !== 'installed') {
      return;
    }
    this.#looking = true;
    try {
      await this.describe();
    } catch (thrown) {
      this.#options.logger.warn('the end of the rebuild was not written down', {
        reason: CofferError.from(thrown).message,
      });
    } finally {
      this.#looking = false;
    }
  }

  async #votes(nodeId: string | undefined): Promise<boolean> {
    try {
      const { node } = await this.#options.admin().node(nodeId ?? '');
      return node.voter;
    } catch {
      // It does not serve yet, or knows of no leader yet.
      return false;
    }
  }
}
