// SPDX-License-Identifier: Apache-2.0
import type {
  AuthorityDescription,
  AutolockDescription,
  BackupSchedule,
  ClusterDescription,
  DataKeyDescription,
  GrantFilter,
  GrantReply,
  GrantsReply,
  GrantWish,
  PolicyDefaultReply,
  PolicyEffect,
  PolicyReply,
  PolicyRuleReply,
  PolicyRuleWish,
  PolicyTestReply,
  RemovedRuleReply,
  NodeDescription,
  NodeReply,
  NodeRole,
  PurgeDescription,
  RevokedReply,
  Schedules,
  RebuildDescription,
  TokenDescription,
  TokenReply,
  TokenWish,
  UnlockKeyReply,
  UnlockKeyWish,
} from '../control/index.ts';
import * as replies from './cluster-replies.ts';
import type { ControlClient } from './control-client.ts';
import { grantReply, grantsReply, revokedReply } from './grant-replies.ts';
import * as policyReplies from './policy-replies.ts';

/** The daemon gives up a change of the managers before this. */
const MANAGERS_TIMEOUT_MS = 90_000;

/** The cluster's part of coffer's own API. It rejects as `ControlClient` does. */
export class ClusterClient {
  readonly #control: ControlClient;

  constructor(control: ControlClient) {
    this.#control = control;
  }

  describe(): Promise<ClusterDescription> {
    return this.#control.call({ method: 'GET', path: '/v1/cluster' }, replies.clusterDescription);
  }

  setCertificateLifetime(lifetime_ms: number): Promise<ClusterDescription> {
    const path = '/v1/cluster/certificate-lifetime';
    return this.#control.call({ method: 'PUT', path, body: { lifetime_ms } }, replies.clusterDescription);
  }

  async nodes(): Promise<readonly NodeDescription[]> {
    return (await this.#control.call({ method: 'GET', path: '/v1/nodes' }, replies.nodesReply)).nodes;
  }

  node(reference: string): Promise<NodeReply> {
    return this.#control.call({ method: 'GET', path: nodePath(reference) }, replies.nodeReply);
  }

  /** Resolves when the change has taken effect, a minute later at the most. */
  setRole(reference: string, role: NodeRole, force: boolean): Promise<NodeReply> {
    const path = `${nodePath(reference)}/role`;
    const timeout_ms = MANAGERS_TIMEOUT_MS;
    return this.#control.call({ method: 'PUT', path, body: { role, force }, timeout_ms }, replies.nodeReply);
  }

  remove(reference: string, force: boolean): Promise<NodeReply> {
    const query = new URLSearchParams({ force: force ? '1' : '0' });
    const timeout_ms = MANAGERS_TIMEOUT_MS;
    const path = nodePath(reference);
    return this.#control.call({ method: 'DELETE', path, query, timeout_ms }, replies.nodeReply);
  }

  authority(): Promise<AuthorityDescription> {
    return this.#control.call({ method: 'GET', path: '/v1/ca' }, replies.authorityDescription);
  }

  rotateAuthority(): Promise<AuthorityDescription> {
    return this.#control.call({ method: 'POST', path: '/v1/ca/rotate' }, replies.authorityDescription);
  }

  dataKey(): Promise<DataKeyDescription> {
    return this.#control.call({ method: 'GET', path: '/v1/data-key' }, replies.dataKeyDescription);
  }

  rotateDataKey(): Promise<DataKeyDescription> {
    return this.#control.call({ method: 'POST', path: '/v1/data-key/rotate' }, replies.dataKeyDescription);
  }

  setDataKeySchedule(every_ms: number): Promise<DataKeyDescription> {
    const path = '/v1/data-key/schedule';
    return this.#control.call({ method: 'PUT', path, body: { every_ms } }, replies.dataKeyDescription);
  }

  purge(): Promise<PurgeDescription> {
    return this.#control.call({ method: 'POST', path: '/v1/purge' }, replies.purgeDescription);
  }

  purgeProgress(): Promise<PurgeDescription> {
    return this.#control.call({ method: 'GET', path: '/v1/purge' }, replies.purgeDescription);
  }

  /** null turns it off. */
  setBackupSchedule(schedule: BackupSchedule | null): Promise<Schedules> {
    const path = '/v1/backups/schedule';
    return this.#control.call({ method: 'PUT', path, body: { schedule } }, replies.schedules);
  }

  rebuildState(): Promise<RebuildDescription> {
    return this.#control.call({ method: 'GET', path: '/v1/rebuild' }, replies.rebuildDescription);
  }

  /** `token` is a join token; undefined if the node's certificate says who asks. Resolves when the others have agreed. */
  rebuild(join: readonly string[], token: string | undefined): Promise<RebuildDescription> {
    const body = { join, token };
    const shape = { method: 'POST', path: '/v1/rebuild', body, timeout_ms: MANAGERS_TIMEOUT_MS } as const;
    return this.#control.call(shape, replies.rebuildDescription);
  }

  autolock(): Promise<AutolockDescription> {
    return this.#control.call({ method: 'GET', path: '/v1/autolock' }, replies.autolockDescription);
  }

  setAutolock(enabled: boolean, peerUnlock?: boolean): Promise<AutolockDescription> {
    const body = { enabled, ...(peerUnlock !== undefined && { peerUnlock }) };
    const shape = { method: 'PUT', path: '/v1/autolock', body } as const;
    return this.#control.call(shape, replies.autolockDescription);
  }

  setPeerUnlock(enabled: boolean): Promise<AutolockDescription> {
    const shape = { method: 'PUT', path: '/v1/peer-unlock', body: { enabled } } as const;
    return this.#control.call(shape, replies.autolockDescription);
  }

  unlockKey(wish: UnlockKeyWish): Promise<UnlockKeyReply> {
    return this.#control.call({ method: 'POST', path: '/v1/unlock-key', body: wish }, replies.unlockKeyReply);
  }

  async tokens(): Promise<readonly TokenDescription[]> {
    return (await this.#control.call({ method: 'GET', path: '/v1/join-tokens' }, replies.tokensReply)).tokens;
  }

  createToken(wish: TokenWish): Promise<TokenReply> {
    return this.#control.call({ method: 'POST', path: '/v1/join-tokens', body: wish }, replies.tokenReply);
  }

  async revokeToken(id: string): Promise<void> {
    const path = `/v1/join-tokens/${encodeURIComponent(id)}`;
    await this.#control.call({ method: 'DELETE', path }, replies.tokenRevokedReply);
  }

  grants({ node, secret }: GrantFilter): Promise<GrantsReply> {
    const query = new URLSearchParams({
      ...(secret !== undefined && { secret }),
      ...(node !== undefined && { node }),
    });
    return this.#control.call({ method: 'GET', path: '/v1/grants', query }, grantsReply);
  }

  grant(wish: GrantWish): Promise<GrantReply> {
    return this.#control.call({ method: 'POST', path: '/v1/grants', body: wish }, grantReply);
  }

  /** By its id, or what only one id begins with. */
  revokeGrant(reference: string): Promise<RevokedReply> {
    const path = `/v1/grants/${encodeURIComponent(reference)}`;
    return this.#control.call({ method: 'DELETE', path }, revokedReply);
  }

  policy(): Promise<PolicyReply> {
    return this.#control.call({ method: 'GET', path: '/v1/policy' }, policyReplies.policyReply);
  }

  addPolicyRule(wish: PolicyRuleWish): Promise<PolicyRuleReply> {
    const path = '/v1/policy/rules';
    return this.#control.call({ method: 'POST', path, body: wish }, policyReplies.ruleReply);
  }

  /** By its id, or what only one id begins with. */
  removePolicyRule(reference: string): Promise<RemovedRuleReply> {
    const path = `/v1/policy/rules/${encodeURIComponent(reference)}`;
    return this.#control.call({ method: 'DELETE', path }, policyReplies.removedRuleReply);
  }

  testPolicy(wish: {
    readonly service?: string | undefined;
    readonly secret?: string | undefined;
    readonly default?: PolicyEffect | undefined;
  }): Promise<PolicyTestReply> {
    const given = Object.entries(wish).filter((pair): pair is [string, string] => pair[1] !== undefined);
    const query = new URLSearchParams(given);
    return this.#control.call({ method: 'GET', path: '/v1/policy/test', query }, policyReplies.testReply);
  }

  setPolicyDefault(effect: PolicyEffect): Promise<PolicyDefaultReply> {
    const path = '/v1/policy/default';
    return this.#control.call({ method: 'PUT', path, body: { effect } }, policyReplies.defaultReply);
  }
}

function nodePath(reference: string): string {
  return `/v1/nodes/${encodeURIComponent(reference)}`;
}
