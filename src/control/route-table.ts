// SPDX-License-Identifier: Apache-2.0
// Which handler each call of route-list.ts has.
import type { RequestHandler } from 'express';
import { auditRoutes } from './audit-routes.ts';
import { autolockRoutes } from './autolock-routes.ts';
import { backupRoutes } from './backup-routes.ts';
import { certificateRoutes } from './certificate-routes.ts';
import { clusterRoutes } from './cluster-routes.ts';
import { doctorRoute, refusalsRoute, statusRoute } from './daemon-routes.ts';
import { dataKeyRoutes } from './data-key-routes.ts';
import { drillRoutes } from './drill-routes.ts';
import { forceRoutes } from './force-routes.ts';
import { grantRoutes } from './grant-routes.ts';
import { importRoutes } from './import-routes.ts';
import { ledgerRoute } from './ledger-routes.ts';
import { maintenanceRoutes } from './maintenance-routes.ts';
import { nodeRoutes } from './node-routes.ts';
import type { ControlOptions } from './options.ts';
import { policyRoutes } from './policy-routes.ts';
import type { PutRoutes } from './put-routes.ts';
import { rebuildRoutes } from './rebuild-routes.ts';
import { revealRoute } from './reveal-route.ts';
import { rotationRoutes } from './rotation-routes.ts';
import { DRILL_PATH, type ForEachRoute, RESTORE_PATH } from './route-list.ts';
import { sealingRoutes } from './sealing-routes.ts';
import { secretRoutes } from './secret-routes.ts';
import { tokenRoutes } from './token-routes.ts';
import { versionRoutes } from './version-routes.ts';
import { whyRoute } from './why-routes.ts';

/** A handler for each call, and for no other. */
export function routeTable(options: ControlOptions, puts: PutRoutes): ForEachRoute<RequestHandler> {
  const secrets = secretRoutes(options);
  const versions = versionRoutes(options);
  const rotations = rotationRoutes(options);
  const certificates = certificateRoutes(options);
  const cluster = clusterRoutes(options);
  const nodes = nodeRoutes(options);
  const tokens = tokenRoutes(options);
  const backups = backupRoutes(options);
  const drills = drillRoutes(options);
  const autolock = autolockRoutes(options);
  const dataKey = dataKeyRoutes(options);
  const maintenance = maintenanceRoutes(options);
  const grants = grantRoutes(options);
  const policy = policyRoutes(options);
  const force = forceRoutes(options);
  const rebuild = rebuildRoutes(options);
  const audit = auditRoutes(options);
  const sealing = sealingRoutes(options);
  const imports = importRoutes(options);
  return {
    '/v1/status': { get: statusRoute(options) },
    '/v1/secrets': { get: secrets.list },
    '/v1/secrets/:name': { get: secrets.inspect, put: puts.put, delete: secrets.remove },
    '/v1/secrets/:name/generate': { post: puts.generate },
    '/v1/secrets/:name/certificate': { post: puts.certificate },
    '/v1/secrets/:name/rollback': { post: versions.rollback },
    '/v1/secrets/:name/destroy': { post: versions.destroy },
    '/v1/secrets/:name/prune': { post: versions.prune },
    '/v1/secrets/:name/reveal': { post: revealRoute(options) },
    '/v1/secrets/:name/rotate': { post: rotations.rotate },
    '/v1/secrets/:name/rotate/cancel': { post: rotations.cancel },
    '/v1/rotations': { get: rotations.list },
    '/v1/import/swarm': { get: imports.progress, post: imports.begin },
    '/v1/backup': { post: backups.backup },
    [RESTORE_PATH]: { post: backups.restore },
    '/v1/cluster': { get: cluster.describe },
    '/v1/cluster/certificate-lifetime': { put: cluster.setLifetime },
    '/v1/nodes': { get: nodes.list },
    '/v1/nodes/:node': { get: nodes.inspect, delete: nodes.remove },
    '/v1/nodes/:node/role': { put: nodes.setRole },
    '/v1/ca': { get: cluster.authority },
    '/v1/ca/rotate': { post: cluster.rotate },
    '/v1/workload-ca': { get: certificates.authority },
    '/v1/workload-ca/rotate': { post: certificates.rotate },
    '/v1/workload-ca/finish': { post: certificates.finish },
    '/v1/join-tokens': { get: tokens.list, post: tokens.create },
    '/v1/join-tokens/:id': { delete: tokens.revoke },
    '/v1/grants': { get: grants.list, post: grants.grant },
    '/v1/grants/:id': { delete: grants.revoke },
    '/v1/policy': { get: policy.describe },
    '/v1/policy/default': { put: policy.setDefault },
    '/v1/policy/test': { get: policy.test },
    '/v1/policy/rules': { post: policy.add },
    '/v1/policy/rules/:id': { delete: policy.remove },
    '/v1/autolock': { get: autolock.describe, put: autolock.set },
    '/v1/peer-unlock': { put: autolock.setPeerUnlock },
    '/v1/data-key': { get: dataKey.describe },
    '/v1/data-key/rotate': { post: dataKey.rotate },
    '/v1/data-key/schedule': { put: maintenance.setDataKeySchedule },
    '/v1/sealing-key': { get: sealing.describe },
    '/v1/sealing-key/rotate': { post: sealing.rotate },
    '/v1/sealing-key/:id': { delete: sealing.forget },
    '/v1/reseal': { post: sealing.reseal },
    '/v1/purge': { get: maintenance.purgeProgress, post: maintenance.purge },
    '/v1/backups': { get: maintenance.backups },
    '/v1/backups/header': { get: drills.header },
    [DRILL_PATH]: { post: drills.drill },
    '/v1/backups/schedule': { put: maintenance.setBackupSchedule },
    '/v1/unlock-key': { post: autolock.unlockKey },
    '/v1/unlock': { post: autolock.unlock },
    '/v1/survivors': { post: force.survivors },
    '/v1/force-new-cluster': { get: force.progress, post: force.begin },
    '/v1/rebuild': { get: rebuild.describe, post: rebuild.begin },
    '/v1/ledger': { get: ledgerRoute(options) },
    '/v1/audit': { get: audit.select },
    '/v1/audit/verify': { get: audit.verify },
    '/v1/audit/acknowledge': { post: audit.acknowledge },
    '/v1/refusals': { get: refusalsRoute(options) },
    '/v1/why': { get: whyRoute(options) },
    '/v1/doctor': { get: doctorRoute(options) },
  };
}
