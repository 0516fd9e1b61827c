// SPDX-License-Identifier: Apache-2.0
import { unreachable } from '../common/index.ts';
import type { AuditHeadObject } from './audit-head.ts';
import { GrantTable } from './grant-table.ts';
import type { GrantObject } from './grant.ts';
import type {
  BackupScheduleObject,
  DataKeyReportObject,
  DataKeyScheduleObject,
  PurgeObject,
} from './maintenance.ts';
import type { Policy } from './policy.ts';
import { PolicyTable } from './policy-table.ts';
import type { RotationObject } from './rotation.ts';
import type { SealingKeyObject } from './sealing-key.ts';
import {
  type AuthorityObject,
  type AutolockObject,
  type ClusterObject,
  DEFAULT_SETTINGS,
  type NodeObject,
  objectKey,
  type PeerUnlockObject,
  type RevocationObject,
  type SettingsObject,
  type TokenObject,
} from './model.ts';

/** What the rules, and whoever reads, ask of the cluster's objects. */
export interface ClusterView {
  /** Undefined until the cluster was established. */
  readonly authority: AuthorityObject | undefined;
  readonly settings: SettingsObject;
  /** Undefined until it was turned on for the first time. */
  readonly autolock: AutolockObject | undefined;
  /** Undefined until one was asked for; likewise the schedules. */
  readonly purge: PurgeObject | undefined;
  readonly dataKeySchedule: DataKeyScheduleObject | undefined;
  readonly backupSchedule: BackupScheduleObject | undefined;
  /** What a manager has last said of its data key. */
  dataKeyReport(nodeId: string): DataKeyReportObject | undefined;
  /** How far a manager's audit log has come, as it has last signed it. */
  auditHead(nodeId: string): AuditHeadObject | undefined;
  token(id: string): TokenObject | undefined;
  tokens(): readonly TokenObject[];
  node(id: string): NodeObject | undefined;
  /** In the order in which they joined. */
  nodes(): readonly NodeObject[];
  nodeByRaftId(raftId: number): NodeObject | undefined;
  nodeByKey(publicKeyFingerprint: string): NodeObject | undefined;
  /** The node beside an engine, by the engine's id in its swarm; of several, the one that joined first. */
  nodeByEngine(engineNodeId: string): NodeObject | undefined;
  /** What the node is known by when it asks for the unlock key. */
  peerUnlock(nodeId: string): PeerUnlockObject | undefined;
  peerUnlocks(): readonly PeerUnlockObject[];
  revocation(nodeId: string): RevocationObject | undefined;
  revocations(): readonly RevocationObject[];
  grant(id: string): GrantObject | undefined;
  /** In the order in which they were granted. */
  grants(): readonly GrantObject[];
  /** Those of one node, likewise. */
  grantsOf(nodeId: string): readonly GrantObject[];
  /** How many there are of all nodes. */
  readonly grantCount: number;
  /** Another object as soon as anything of it has changed. */
  readonly policy: Policy;
  /** Of a secret; also one that has ended, while it is remembered. */
  rotation(id: string): RotationObject | undefined;
  /** In the order in which they were begun. */
  rotations(): readonly RotationObject[];
  sealingKey(id: string): SealingKeyObject | undefined;
  /** The newest first. */
  sealingKeys(): readonly SealingKeyObject[];
}

/** A change of the cluster's objects that a command asks for. */
export type ObjectEffect =
  | { readonly kind: 'put-object'; readonly object: ClusterObject }
  | { readonly kind: 'delete-object'; readonly object: ClusterObject };

/** All objects, in memory: a cluster has some thousands of them at most. */
export class ClusterIndex implements ClusterView {
  readonly #objects = new Map<string, ClusterObject>();
  readonly #byRaftId = new Map<number, NodeObject>();
  readonly #byKey = new Map<string, NodeObject>();
  readonly #grants = new GrantTable();
  readonly #policy = new PolicyTable();
  readonly #rotations = new Map<string, RotationObject>();
  readonly #byEngine = new Map<string, readonly NodeObject[]>();

  get size(): number {
    return this.#objects.size;
  }

  get authority(): AuthorityObject | undefined {
    return this.#find('authority');
  }

  get settings(): SettingsObject {
    return this.#find('settings') ?? DEFAULT_SETTINGS;
  }

  get autolock(): AutolockObject | undefined {
    return this.#find('autolock');
  }

  get purge(): PurgeObject | undefined {
    return this.#find('purge');
  }

  get dataKeySchedule(): DataKeyScheduleObject | undefined {
    return this.#find('data-key-schedule');
  }

  get backupSchedule(): BackupScheduleObject | undefined {
    return this.#find('backup-schedule');
  }

  dataKeyReport(nodeId: string): DataKeyReportObject | undefined {
    return this.#find('data-key-report', nodeId);
  }

  auditHead(nodeId: string): AuditHeadObject | undefined {
    return this.#find('audit-head', nodeId);
  }

  token(id: string): TokenObject | undefined {
    return this.#find('token', id);
  }

  tokens(): readonly TokenObject[] {
    return this.#all().filter((object) => object.kind === 'token');
  }

  node(id: string): NodeObject | undefined {
    return this.#find('node', id);
  }

  nodes(): readonly NodeObject[] {
    return this.#all()
      .filter((object) => object.kind === 'node')
      .sort(byJoining);
  }

  nodeByRaftId(raftId: number): NodeObject | undefined {
    return this.#byRaftId.get(raftId);
  }

  nodeByKey(publicKeyFingerprint: string): NodeObject | undefined {
    return this.#byKey.get(publicKeyFingerprint);
  }

  nodeByEngine(engineNodeId: string): NodeObject | undefined {
    return this.#byEngine.get(engineNodeId)?.[0];
  }

  peerUnlock(nodeId: string): PeerUnlockObject | undefined {
    return this.#find('peer-unlock', nodeId);
  }

  peerUnlocks(): readonly PeerUnlockObject[] {
    return this.#all().filter((object) => object.kind === 'peer-unlock');
  }

  revocation(nodeId: string): RevocationObject | undefined {
    return this.#find('revocation', nodeId);
  }

  revocations(): readonly RevocationObject[] {
    return this.#all().filter((object) => object.kind === 'revocation');
  }

  get grantCount(): number {
    return this.#grants.size;
  }

  grant(id: string): GrantObject | undefined {
    return this.#find('grant', id);
  }

  grants(): readonly GrantObject[] {
    return this.#grants.all();
  }

  grantsOf(nodeId: string): readonly GrantObject[] {
    return this.#grants.of(nodeId);
  }

  get policy(): Policy {
    return this.#policy.current;
  }

  rotation(id: string): RotationObject | undefined {
    return this.#rotations.get(id);
  }

  rotations(): readonly RotationObject[] {
    // The same on every manager, also where the objects were read in another order.
    return [...this.#rotations.values()].sort(
      (a, b) => a.begunAt_ms - b.begunAt_ms || (a.id < b.id ? -1 : 1),
    );
  }

  sealingKey(id: string): SealingKeyObject | undefined {
    return this.#find('sealing-key', id);
  }

  sealingKeys(): readonly SealingKeyObject[] {
    return this.#all()
      .filter((object) => object.kind === 'sealing-key')
      .sort((a, b) => b.madeAt_ms - a.madeAt_ms || (a.id < b.id ? -1 : 1));
  }

  /** The object that stands in this one's place now. */
  at(key: string): ClusterObject | undefined {
    return this.#objects.get(key);
  }

  /** Takes up an effect of the rules. */
  apply(effect: ObjectEffect): void {
    switch (effect.kind) {
      case 'put-object':
        this.put(effect.object);
        break;
      case 'delete-object':
        this.#forget(objectKey(effect.object));
        break;
      default:
        unreachable(effect);
    }
  }

  put(object: ClusterObject): void {
    const key = objectKey(object);
    this.#forget(key);
    this.#objects.set(key, object);
    if (object.kind === 'node') {
      this.#byKey.set(object.certificate.publicKeyFingerprint, object);
      if (object.raftId !== 0) {
        this.#byRaftId.set(object.raftId, object);
      }
      if (object.engineNodeId !== '') {
        const others = this.#byEngine.get(object.engineNodeId) ?? [];
        this.#byEngine.set(object.engineNodeId, [...others, object].sort(byJoining));
      }
    } else if (object.kind === 'grant') {
      this.#grants.add(object);
    } else if (object.kind === 'policy-rule' || object.kind === 'policy-default') {
      this.#policy.put(object);
    } else if (object.kind === 'rotation') {
      this.#rotations.set(object.id, object);
    }
  }

  #forget(key: string): void {
    const object = this.#objects.get(key);
    this.#objects.delete(key);
    if (object?.kind === 'node') {
      this.#byKey.delete(object.certificate.publicKeyFingerprint);
      this.#byRaftId.delete(object.raftId);
      const others = (this.#byEngine.get(object.engineNodeId) ?? []).filter((other) => other !== object);
      if (others.length > 0) {
        this.#byEngine.set(object.engineNodeId, others);
      } else {
        this.#byEngine.delete(object.engineNodeId);
      }
    } else if (object?.kind === 'grant') {
      this.#grants.delete(object);
    } else if (object?.kind === 'policy-rule' || object?.kind === 'policy-default') {
      this.#policy.delete(object);
    } else if (object?.kind === 'rotation') {
      this.#rotations.delete(object.id);
    }
  }

  /** The one of a kind, or the one of a kind and an id: see `objectKey`. */
  #find<Kind extends ClusterObject['kind']>(kind: Kind, id?: string): ObjectOf<Kind> | undefined {
    const object = this.#objects.get(id === undefined ? kind : `${kind}/${id}`);
    return object !== undefined && isOfKind(object, kind) ? object : undefined;
  }

  #all(): readonly ClusterObject[] {
    return [...this.#objects.values()];
  }
}

function byJoining(a: NodeObject, b: NodeObject): number {
  return a.joinedAt_ms - b.joinedAt_ms || (a.id < b.id ? -1 : 1);
}

type ObjectOf<Kind> = Extract<ClusterObject, { readonly kind: Kind }>;

function isOfKind<Kind extends ClusterObject['kind']>(
  object: ClusterObject,
  kind: Kind,
): object is ObjectOf<Kind> {
  return object.kind === kind;
}
