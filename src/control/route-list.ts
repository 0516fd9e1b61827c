// SPDX-License-Identifier: Apache-2.0
// Every call of the control API. route-table.ts has a handler for each of these, and for no other; docs/reference/api.md is made of it.
import type { AuditEvent } from '../audit/index.ts';
import type { BODIES } from './json-body.ts';
import type { QUERIES } from './query.ts';

/** Its body is as large as all secrets together. */
export const RESTORE_PATH = '/v1/restore';
/** Likewise. */
export const DRILL_PATH = '/v1/drill';

export type Method = 'get' | 'put' | 'post' | 'delete';

export interface RouteDescription {
  /** What it does, in a few words. */
  readonly does: string;
  /** The type of its answer, or what it is if it is no JSON. */
  readonly reply: string;
  /** The schema of its query. */
  readonly query: keyof typeof QUERIES;
  /** The schema of its body; undefined: it has none, or one that is no JSON. */
  readonly json: keyof typeof BODIES | undefined;
  /** What its body is, if that is no JSON. */
  readonly body: string | undefined;
  /** What is written down of it; undefined: nothing is, or that is done where the change is proposed. */
  readonly audit: AuditEvent | undefined;
}

type More = Partial<Omit<RouteDescription, 'does' | 'reply'>>;

function route(does: string, reply: string, more: More = {}): RouteDescription {
  return { does, reply, query: 'none', json: undefined, body: undefined, audit: undefined, ...more };
}

const PAYLOAD = '32 bytes, the key of the payload, then the payload';

export const ROUTES = {
  '/v1/status': { get: route('how this daemon is', 'DaemonStatus') },
  '/v1/secrets': { get: route('all secrets, without their values', 'SecretsReply') },
  '/v1/secrets/:name': {
    get: route('one secret, by its name, its id, or what its id begins with', 'SecretReply'),
    put: route('store a value: a new secret, or a new version', 'PutReply', {
      query: 'put',
      body: 'the value, byte for byte',
    }),
    delete: route('remove a secret', 'SecretReply', { query: 'remove' }),
  },
  '/v1/secrets/:name/generate': {
    post: route('have the daemon make a value, and store it', 'PutReply', { query: 'generate' }),
  },
  '/v1/secrets/:name/certificate': {
    post: route('have a certificate issued as the labels say, and store it', 'PutReply', { query: 'put' }),
  },
  '/v1/secrets/:name/rollback': {
    post: route('make an older version a new one', 'RollbackReply', { query: 'rollback' }),
  },
  '/v1/secrets/:name/destroy': {
    post: route('wipe the values of versions', 'DestroyReply', { query: 'destroy' }),
  },
  '/v1/secrets/:name/prune': { post: route('keep fewer versions', 'PruneReply', { query: 'prune' }) },
  '/v1/secrets/:name/reveal': {
    post: route('show a value; it is written down first', 'the value, byte for byte', { query: 'reveal' }),
  },
  '/v1/secrets/:name/rotate': {
    post: route('begin a rotation', 'RotateReply', {
      query: 'rotate',
      body: 'the new value, unless `spec` or `renew` says where it comes from',
    }),
  },
  '/v1/secrets/:name/rotate/cancel': { post: route('take back the rotation under way', 'RotateReply') },
  '/v1/rotations': { get: route('rotations, the newest first', 'RotationsReply', { query: 'rotations' }) },
  '/v1/import/swarm': {
    get: route('how the import of the swarm’s secrets goes', 'SwarmImportReply'),
    post: route('import secrets of the swarm, or tell what would be done', 'SwarmImportReply', {
      json: 'swarmImport',
    }),
  },
  '/v1/backup': {
    post: route('all secrets as a sealed payload', 'the payload, and `BackupReply` as its last line', {
      body: '32 bytes, the key of the payload',
    }),
  },
  [RESTORE_PATH]: {
    post: route('put the secrets of a backup back', 'RestoreReply', { query: 'restore', body: PAYLOAD }),
  },
  '/v1/cluster': { get: route('the cluster', 'ClusterDescription') },
  '/v1/cluster/certificate-lifetime': {
    put: route('how long certificates of nodes live', 'ClusterDescription', {
      json: 'lifetime',
      audit: 'schedule',
    }),
  },
  '/v1/nodes': { get: route('all nodes', 'NodesReply') },
  '/v1/nodes/:node': {
    get: route('one node, by its id or hostname', 'NodeReply'),
    delete: route('remove a node', 'NodeReply', { query: 'remove', audit: 'remove-node' }),
  },
  '/v1/nodes/:node/role': {
    put: route('promote or demote a node', 'NodeReply', { json: 'role', audit: 'set-role' }),
  },
  '/v1/ca': { get: route('the CA of the cluster', 'AuthorityDescription') },
  '/v1/ca/rotate': {
    post: route('begin a rotation of the CA of the cluster', 'AuthorityDescription', { audit: 'rotate-ca' }),
  },
  '/v1/workload-ca': { get: route('the CA for workloads', 'WorkloadAuthorityDescription') },
  '/v1/workload-ca/rotate': {
    post: route('make a new root for workloads', 'WorkloadAuthorityDescription', { audit: 'rotate-ca' }),
  },
  '/v1/workload-ca/finish': {
    post: route('trust the old root no longer', 'WorkloadAuthorityDescription', { audit: 'rotate-ca' }),
  },
  '/v1/join-tokens': {
    get: route('join tokens, which are not shown again', 'TokensReply'),
    post: route('make a join token', 'TokenReply', { json: 'tokenWish', audit: 'join-token' }),
  },
  '/v1/join-tokens/:id': {
    delete: route('revoke a join token', 'TokenRevokedReply', { audit: 'join-token' }),
  },
  '/v1/grants': {
    get: route('grants', 'GrantsReply', { query: 'grants' }),
    post: route('grant a secret to containers of a node', 'GrantReply', {
      json: 'grantWish',
      audit: 'grant',
    }),
  },
  '/v1/grants/:id': { delete: route('revoke a grant', 'RevokedReply', { audit: 'revoke' }) },
  '/v1/policy': { get: route('the policy', 'PolicyReply') },
  '/v1/policy/default': {
    put: route('what holds where no rule does', 'PolicyDefaultReply', {
      json: 'policyDefault',
      audit: 'policy',
    }),
  },
  '/v1/policy/test': {
    get: route('what the policy says to each service', 'PolicyTestReply', { query: 'policyTest' }),
  },
  '/v1/policy/rules': {
    post: route('add a rule', 'PolicyRuleReply', { json: 'policyRuleWish', audit: 'policy' }),
  },
  '/v1/policy/rules/:id': { delete: route('end a rule', 'RemovedRuleReply', { audit: 'policy' }) },
  '/v1/autolock': {
    get: route('whether the keys of managers are sealed', 'AutolockDescription'),
    put: route('seal them, or seal them no longer', 'AutolockDescription', {
      json: 'autolock',
      audit: 'autolock',
    }),
  },
  '/v1/peer-unlock': {
    put: route('whether managers unlock one another', 'AutolockDescription', {
      json: 'peerUnlock',
      audit: 'autolock',
    }),
  },
  '/v1/data-key': { get: route('the data key of this manager', 'DataKeyDescription') },
  '/v1/data-key/rotate': {
    post: route('rotate the data key of this manager', 'DataKeyDescription', { audit: 'rotate-data-key' }),
  },
  '/v1/data-key/schedule': {
    put: route('how old data keys become', 'DataKeyDescription', {
      json: 'dataKeySchedule',
      audit: 'schedule',
    }),
  },
  '/v1/sealing-key': {
    get: route('the keys that values are sealed to; makes the first one', 'SealingKeyDescription'),
  },
  '/v1/sealing-key/rotate': {
    post: route('make a new sealing key', 'SealingKeyDescription', { audit: 'sealing-key' }),
  },
  '/v1/sealing-key/:id': {
    delete: route('forget a sealing key', 'SealingKeyDescription', { audit: 'sealing-key' }),
  },
  '/v1/reseal': {
    post: route('put a sealed value under the active key', 'ResealReply', {
      body: 'the sealed value',
      audit: 'reseal',
    }),
  },
  '/v1/purge': {
    get: route('how far the purge is', 'PurgeDescription'),
    post: route('have all managers let go of what was removed', 'PurgeDescription', { audit: 'purge' }),
  },
  '/v1/backups': { get: route('scheduled backups on this manager', 'ScheduledBackupsReply') },
  '/v1/backups/header': {
    get: route('the header of a scheduled backup', 'BackupHeaderReply', { query: 'backupHeader' }),
  },
  [DRILL_PATH]: {
    post: route('try whether a backup can be restored', 'DrillReply', { query: 'drill', body: PAYLOAD }),
  },
  '/v1/backups/schedule': {
    put: route('when backups are made', 'Schedules', { json: 'backupSchedule', audit: 'schedule' }),
  },
  '/v1/unlock-key': {
    post: route('show the unlock key, or make a new one', 'UnlockKeyReply', {
      json: 'unlockKeyWish',
      audit: 'unlock-key',
    }),
  },
  '/v1/unlock': {
    post: route('open a locked store', 'UnlockReply', {
      body: 'the unlock key, or shares of it, one a line',
      audit: 'unlock',
    }),
  },
  '/v1/survivors': {
    post: route('what is left of the managers, before a new cluster is forced', 'SurvivorsReply', {
      json: 'survivors',
    }),
  },
  '/v1/force-new-cluster': {
    get: route('how far that is', 'ForceProgress'),
    post: route('make this manager the only one', 'ForceProgress', {
      json: 'forceNewCluster',
      audit: 'force-new-cluster',
    }),
  },
  '/v1/rebuild': {
    get: route('how far the rebuild of this manager is', 'RebuildDescription'),
    post: route('rebuild this manager from the others', 'RebuildDescription', {
      json: 'rebuildWish',
      audit: 'rebuild',
    }),
  },
  '/v1/ledger': { get: route('who has which version', 'LedgerReply', { query: 'ledger' }) },
  '/v1/audit': { get: route('records of this manager’s audit log', 'AuditReply', { query: 'audit' }) },
  '/v1/audit/verify': { get: route('whether its files are what was written', 'AuditVerifyReply') },
  '/v1/audit/acknowledge': {
    post: route('tell of a lost record no longer', 'AuditAcknowledgeReply', {
      json: 'lostRecord',
      audit: 'acknowledge',
    }),
  },
  '/v1/refusals': {
    get: route('what this manager has refused, the newest first', 'RefusalsReply', { query: 'refusals' }),
  },
  '/v1/why': { get: route('why somebody gets no secret', 'WhyReply', { query: 'refusals' }) },
  '/v1/doctor': { get: route('what is right and wrong with this node', 'DoctorReply') },
} as const satisfies Readonly<Record<string, RoutesOfPath>>;

/** A value for each call. */
export type ForEachRoute<T> = {
  readonly [Path in keyof typeof ROUTES]: { readonly [M in keyof (typeof ROUTES)[Path]]: T };
};

type RoutesOfPath = Readonly<Partial<Record<Method, RouteDescription>>>;

/** Undefined for a call that is not of this list, as those of monitors. */
export function routeDescription(method: Method, path: string): RouteDescription | undefined {
  const routes: Readonly<Record<string, RoutesOfPath>> = ROUTES;
  return routes[path]?.[method];
}
