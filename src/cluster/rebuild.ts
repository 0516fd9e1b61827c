// SPDX-License-Identifier: Apache-2.0
// A manager whose store was lost becomes another one: it is let in under a new id, the old id goes, and what is on the disk
// is set aside.
//
//   plan    a key for the new id                     asked again, the others answer the same
//   agreed  the others have let the new id in        from here on each start goes on by itself
//           the old id is removed
//           the old files are set aside, the new identity is put in their place
//   installed                                        an ordinary manager that has just joined: learner, then voter
//
// The old id is out of the log before the new one can vote: it was silent, so those that are left need no more of
// one another than before (the majority of fewer voters is no larger), and at no time more than before.
import path from 'node:path';
import * as v from 'valibot';
import { CofferError, type Logger, type SecretValue } from '../common/index.ts';
import { exportKey, generateKey, importKey, type JoinToken } from '../pki/index.ts';
import { setStoreAside } from '../store/index.ts';
import { CredentialsSource } from '../transport/index.ts';
import { withPort } from './addresses.ts';
import type { Endpoint } from './endpoint.ts';
import {
  certificateOf,
  credentialsOf,
  IDENTITY_FILE,
  type IdentityStore,
  type NodeIdentityFile,
} from './identity.ts';
import { joinThrough } from './join.ts';
import { LeaderCalls } from './leader-calls.ts';
import { provisionalCredentials } from './provisional.ts';
import { RebuildFiles, type RebuildPlan } from './rebuild-files.ts';
import { asStranger, managerToken, onlyManager, tokenNeeded } from './rebuild-refusals.ts';

/** A removal waits until it has taken effect. */
const REMOVE_TIMEOUT_MS = 65_000;
const TOKEN_TTL_MS = 10 * 60 * 1_000;

export interface RebuildWish {
  /** `host[:port]` of managers; those that this node knows if empty. */
  readonly join: readonly string[];
  /** A join token for a manager; undefined if this node's certificate is to say who asks. */
  readonly token: string | undefined;
}

/** How far it is. */
export interface RebuildState {
  readonly stage: 'none' | 'agreed' | 'installed';
  readonly nodeId?: string | undefined;
  readonly replaces?: string | undefined;
  /** Where the old files are, or will be. */
  readonly setAside?: string | undefined;
}

export interface RebuildOptions {
  readonly stateDirectory: string;
  readonly identities: IdentityStore;
  /** What opens the old identity, if this process was given it. */
  readonly unlockKey: () => SecretValue | undefined;
  readonly endpoint: Endpoint;
  /** What this node's port shows. */
  readonly credentials: CredentialsSource;
  /** The others have let the node in under its new id, whatever it was before. */
  readonly onAgreed: () => void;
  readonly now_ms: () => number;
  readonly logger: Logger;
}

const nodesSchema = v.array(
  v.object({ id: v.string(), role: v.picklist(['manager', 'worker']), address: v.string() }),
);

const tokenSchema = v.object({ token: v.string() });

export class Rebuild {
  readonly #options: RebuildOptions;
  readonly #files: RebuildFiles;
  #state: RebuildState = { stage: 'none' };

  constructor(options: RebuildOptions) {
    this.#options = options;
    this.#files = new RebuildFiles(options.stateDirectory);
  }

  get state(): RebuildState {
    return this.#state;
  }

  /**
   * Has the others agree, and nothing else: `resume` does the rest. Throws `request.invalid` for what cannot be meant,
   * `cluster.*` and `transport.*` if they do not; then all is as it was.
   */
  async begin({ join, token }: RebuildWish): Promise<void> {
    const parsed = token === undefined ? undefined : managerToken(token);
    const before = await this.#identity(parsed !== undefined);
    const addresses = join.length > 0 ? join.map((address) => withPort(address)) : othersOf(before);
    const [first] = addresses;
    if (first === undefined) {
      throw parsed === undefined
        ? onlyManager()
        : new CofferError('request.invalid', 'a join token goes with --join');
    }
    const { endpoint, logger, onAgreed } = this.#options;
    const found = await this.#files.plan();
    if (found !== undefined && (await this.#files.agreed()) !== undefined) {
      onAgreed();
      return;
    }
    const key = found?.key ?? exportKey(generateKey());
    const plan = found?.key === undefined ? await this.#newPlan(before, key) : found;
    await endpoint.towards(first);
    await endpoint.listen();
    const agreed =
      parsed === undefined
        ? await this.#joinAsItself(before, addresses, key)
        : await this.#joinWith(parsed, addresses, key, before);
    await this.#files.writeAgreed(agreed);
    this.#state = this.#stateOf('agreed', plan, agreed.nodeId);
    onAgreed();
    logger.warn('this manager is rebuilt under a new id', { node: agreed.nodeId, replaces: plan.replaces });
  }

  /** Ends what was agreed on. Throws `cluster.joining` while the others cannot do their part: that may pass. */
  async resume(): Promise<void> {
    const plan = await this.#files.plan();
    const agreed = plan && (await this.#files.agreed());
    if (plan === undefined || agreed === undefined) {
      this.#state =
        plan?.nodeId === undefined ? { stage: 'none' } : this.#stateOf('installed', plan, plan.nodeId);
      return;
    }
    this.#state = this.#stateOf('agreed', plan, agreed.nodeId);
    await this.#removeOld(plan, agreed);
    await this.#install(plan, agreed);
    this.#state = this.#stateOf('installed', await this.#files.installed(plan, agreed.nodeId), agreed.nodeId);
  }

  /** The node votes under its new id: there is nothing left to be done, nor to be told after the next start. */
  finish(): Promise<void> {
    return this.#files.remove();
  }

  #stateOf(stage: RebuildState['stage'], { aside, replaces }: RebuildPlan, nodeId: string): RebuildState {
    return { stage, nodeId, replaces, setAside: path.join(this.#options.stateDirectory, aside) };
  }

  /** The identity that was, as far as it can be read; a token does without. */
  async #identity(hasToken: boolean): Promise<NodeIdentityFile | undefined> {
    const { identities, now_ms, unlockKey } = this.#options;
    let identity: NodeIdentityFile | undefined;
    try {
      identity = await identities.read(unlockKey());
    } catch (thrown) {
      if (!hasToken) {
        throw tokenNeeded(CofferError.from(thrown).detail);
      }
    }
    if (hasToken) {
      return identity;
    }
    if (identity === undefined) {
      throw tokenNeeded("this node's certificate is gone");
    }
    if (certificateOf(identity).notAfter_ms <= now_ms()) {
      throw tokenNeeded("this node's certificate has expired");
    }
    return identity;
  }

  async #newPlan(before: NodeIdentityFile | undefined, key: Buffer): Promise<RebuildPlan> {
    const stamp = new Date(this.#options.now_ms()).toISOString().replace(/\.\d+|[-:]/g, '');
    const plan = {
      key,
      replaces: before?.nodeId,
      nodeId: undefined,
      aside: `damaged-${stamp}`,
    };
    await this.#files.writePlan(plan);
    return plan;
  }

  /** As the manager that it was, it has the others make a join token for itself. */
  async #joinAsItself(
    before: NodeIdentityFile | undefined,
    addresses: readonly string[],
    key: Buffer,
  ): Promise<NodeIdentityFile> {
    if (before === undefined) {
      throw tokenNeeded("this node's certificate is gone");
    }
    const credentials = new CredentialsSource(credentialsOf(before));
    const leader = new LeaderCalls({ addresses, credentials, roots: before.roots });
    const wish = { role: 'manager', uses: 1, ttl_ms: TOKEN_TTL_MS };
    try {
      const { address, result } = await leader.call('createToken', [wish]);
      const token = managerToken(v.parse(tokenSchema, result).token);
      return await this.#joinWith(token, [address], key, before);
    } catch (thrown) {
      throw asStranger(CofferError.from(thrown));
    }
  }

  /** Through one of them. Wipes the token. */
  async #joinWith(
    token: JoinToken,
    addresses: readonly string[],
    key: Buffer,
    before: NodeIdentityFile | undefined,
  ): Promise<NodeIdentityFile> {
    const { credentials, endpoint, logger, now_ms } = this.#options;
    const privateKey = importKey(key);
    // Whoever lets it in calls back, and compares the key.
    credentials.replace(provisionalCredentials(privateKey, now_ms()));
    let problem = new CofferError('transport.unreachable', 'no manager has answered');
    for (const manager of addresses) {
      try {
        const identity = await joinThrough({
          token,
          manager,
          key: privateKey,
          address: endpoint.address,
          engineNodeId: endpoint.engineNodeId ?? '',
          now_ms: now_ms(),
        });
        token.secret.fill(0);
        return identity;
      } catch (thrown) {
        problem = CofferError.from(thrown);
        logger.warn('could not join', { through: manager, reason: problem.message });
      }
    }
    token.secret.fill(0);
    if (before !== undefined) {
      credentials.replace(credentialsOf(before));
    }
    throw problem;
  }

  /** Whoever else is said to be at this node's address is this node as it was: the others have called back there. */
  async #removeOld(plan: RebuildPlan, agreed: NodeIdentityFile): Promise<void> {
    const own = agreed.managers.find(({ nodeId }) => nodeId === agreed.nodeId)?.address;
    const others = agreed.managers.filter(
      ({ address, nodeId }) => address !== own && nodeId !== plan.replaces && nodeId !== agreed.nodeId,
    );
    const leader = new LeaderCalls({
      addresses: others.map(({ address }) => address),
      credentials: new CredentialsSource(credentialsOf(agreed)),
      roots: agreed.roots,
    });
    try {
      const { result } = await leader.call('nodes', []);
      const managers = v
        .parse(nodesSchema, result)
        .filter(({ id, role }) => role === 'manager' && id !== agreed.nodeId);
      const old = managers.filter(({ address, id }) => id === plan.replaces || address === own);
      for (const { id } of old) {
        await leader.call('remove', [id, true], REMOVE_TIMEOUT_MS);
        this.#options.logger.info('the old id of this node was removed', { node: id });
      }
    } catch (thrown) {
      const error = CofferError.from(thrown);
      if (error.code === 'cluster.node-removed') {
        await this.#files.remove();
        throw error;
      }
      throw new CofferError('cluster.joining', `this manager is being rebuilt, and waits: ${error.detail}`, {
        cause: error,
        hint: error.hint ?? 'It goes on by itself: docker coffer rebuild shows how far it is.',
      });
    }
  }

  async #install(plan: RebuildPlan, agreed: NodeIdentityFile): Promise<void> {
    const { identities, logger, stateDirectory } = this.#options;
    const current = await identities.read().catch(() => undefined);
    if (current?.nodeId === agreed.nodeId) {
      return;
    }
    await setStoreAside(stateDirectory, plan.aside, [IDENTITY_FILE]);
    // As that of any node that joins; autolock comes with the state.
    identities.keepKeyAs('clear');
    await identities.write(agreed);
    logger.warn('what was on the disk was set aside', { directory: path.join(stateDirectory, plan.aside) });
  }
}

/** The managers that it knew. */
function othersOf(identity: NodeIdentityFile | undefined): readonly string[] {
  return (identity?.managers ?? [])
    .filter(({ nodeId }) => nodeId !== identity?.nodeId)
    .map(({ address }) => address);
}
