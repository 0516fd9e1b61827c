// SPDX-License-Identifier: Apache-2.0
// What administers the cluster at a manager: each part of it here, and all of it at the leader.
import type { ReplicatedStore } from '../store/index.ts';
import { LocalAutolock } from './autolock-admin.ts';
import { LocalDataKey } from './data-key-admin.ts';
import type { DataKeyKeeper } from './data-key-keeper.ts';
import { ForwardingAdmin, type ForwardingAdminOptions } from './forwarding-admin.ts';
import { LocalGrants } from './grant-admin.ts';
import { LocalAdmin } from './local-admin.ts';
import type { LockKeeper } from './lock-keeper.ts';
import { LocalMaintenance } from './maintenance-admin.ts';
import { LocalPolicies } from './policy-admin.ts';
import type { Reachability } from './reachability.ts';
import { Survivors } from './survivors.ts';

export interface ManagerAdminOptions extends Pick<ForwardingAdminOptions, 'client' | 'nodeId' | 'left'> {
  readonly store: ReplicatedStore;
  readonly reachability: Reachability;
  readonly dataKey: Pick<DataKeyKeeper, 'age'>;
  readonly lock: Pick<LockKeeper, 'settled'>;
  readonly now_ms: () => number;
}

export function managerAdmin(options: ManagerAdminOptions): ForwardingAdmin {
  const { client, dataKey, left, lock, nodeId, now_ms, reachability, store } = options;
  const { replica } = store;
  const admin: ForwardingAdmin = new ForwardingAdmin({
    local: new LocalAdmin({ replica, store, isReachable: (node) => reachability.isReachable(node), now_ms }),
    autolock: new LocalAutolock({ store, settled: () => lock.settled() }),
    dataKey: new LocalDataKey(store, () => dataKey.age),
    survivors: new Survivors({ replica, client, nodeId, managers: () => reachability.managers() }),
    maintenance: new LocalMaintenance({ store, nodes: () => admin.nodes(), now_ms }),
    grants: new LocalGrants({ store, now_ms }),
    policies: new LocalPolicies({ store, now_ms }),
    client,
    nodeId,
    leader: () => reachability.leader(),
    left,
  });
  return admin;
}
