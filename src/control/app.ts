// SPDX-License-Identifier: Apache-2.0
// The control API as an express application: its routes, and what all of them have in common.
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';
import type { Auditor } from '../audit/index.ts';
import { CofferError, type Logger, unreachable, withDeadline } from '../common/index.ts';
import { auditedRoute } from './audited-route.ts';
import { auditRoutes } from './audit-routes.ts';
import { backupRoutes } from './backup-routes.ts';
import { autolockRoutes } from './autolock-routes.ts';
import { certificateRoutes } from './certificate-routes.ts';
import { clusterRoutes } from './cluster-routes.ts';
import { dataKeyRoutes } from './data-key-routes.ts';
import { monitoringRoutes } from './monitoring-routes.ts';
import { maintenanceRoutes } from './maintenance-routes.ts';
import { grantRoutes } from './grant-routes.ts';
import { forceRoutes } from './force-routes.ts';
import { drillRoutes } from './drill-routes.ts';
import { importRoutes } from './import-routes.ts';
import { ledgerRoute } from './ledger-routes.ts';
import type { ControlOptions } from './options.ts';
import { policyRoutes } from './policy-routes.ts';
import { QUERIES, readQuery } from './query.ts';
import { refuse } from './refuse.ts';
import { rebuildRoutes } from './rebuild-routes.ts';
import { rotationRoutes } from './rotation-routes.ts';
import { DRILL_PATH, type ForEachRoute, type Method, RESTORE_PATH } from './route-list.ts';
import { sealingRoutes } from './sealing-routes.ts';
import type { SecretRoutes } from './secret-routes.ts';
import { versionRoutes } from './version-routes.ts';
import { whyRoute } from './why-routes.ts';
import type { DaemonStatus, DoctorReply, Refusal, RefusalsReply } from './wire.ts';

const STATUS_TIMEOUT_MS = 5_000;
const DOCTOR_TIMEOUT_MS = 10_000;

type Handlers = Readonly<Partial<Record<Method, RequestHandler>>>;

/** Makes the application. It answers every request with JSON, also those that it refuses. */
export function controlApp(options: ControlOptions, secrets: SecretRoutes): Express {
  const versions = versionRoutes(options);
  const rotations = rotationRoutes(options);
  const certificates = certificateRoutes(options);
  const cluster = clusterRoutes(options);
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
  const table: ForEachRoute<RequestHandler> = {
    '/v1/status': { get: statusRoute(options) },
    '/v1/secrets': { get: secrets.list },
    '/v1/secrets/:name': { get: secrets.inspect, put: secrets.put, delete: secrets.remove },
    '/v1/secrets/:name/generate': { post: secrets.generate },
    '/v1/secrets/:name/certificate': { post: secrets.certificate },
    '/v1/secrets/:name/rollback': { post: versions.rollback },
    '/v1/secrets/:name/destroy': { post: versions.destroy },
    '/v1/secrets/:name/prune': { post: versions.prune },
    '/v1/secrets/:name/reveal': { post: versions.reveal },
    '/v1/secrets/:name/rotate': { post: rotations.rotate },
    '/v1/secrets/:name/rotate/cancel': { post: rotations.cancel },
    '/v1/rotations': { get: rotations.list },
    '/v1/import/swarm': { get: imports.progress, post: imports.begin },
    '/v1/backup': { post: backups.backup },
    [RESTORE_PATH]: { post: backups.restore },
    '/v1/cluster': { get: cluster.describe },
    '/v1/cluster/certificate-lifetime': { put: cluster.setLifetime },
    '/v1/nodes': { get: cluster.nodes },
    '/v1/nodes/:node': { get: cluster.node, delete: cluster.removeNode },
    '/v1/nodes/:node/role': { put: cluster.setRole },
    '/v1/ca': { get: cluster.authority },
    '/v1/ca/rotate': { post: cluster.rotate },
    '/v1/workload-ca': { get: certificates.authority },
    '/v1/workload-ca/rotate': { post: certificates.rotate },
    '/v1/workload-ca/finish': { post: certificates.finish },
    '/v1/join-tokens': { get: cluster.tokens, post: cluster.createToken },
    '/v1/join-tokens/:id': { delete: cluster.revokeToken },
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
  const app = express();
  app.disable('x-powered-by');
  app.set('etag', false);
  app.set('query parser', 'simple');
  app.enable('case sensitive routing');
  app.enable('strict routing');
  app.use((_request, response, next) => {
    response.set('Cache-Control', 'no-store');
    next();
  });
  for (const [path, handlers] of Object.entries<Handlers>({ ...table, ...monitoringRoutes(options) })) {
    addRoute(app, path, handlers, options.audit?.auditor);
  }
  app.use((request) => {
    throw new CofferError('request.not-found', `there is no ${request.path.slice(0, 100)} in this API`);
  });
  app.use(errorHandler(options.logger));
  return app;
}

function addRoute(app: Express, path: string, handlers: Handlers, auditor: Auditor | undefined): void {
  const route = app.route(path);
  const { get, put, post, delete: remove } = handlers;
  if (get !== undefined) {
    route.get(auditedRoute('get', path, get, auditor));
  }
  if (put !== undefined) {
    route.put(auditedRoute('put', path, put, auditor));
  }
  if (post !== undefined) {
    route.post(auditedRoute('post', path, post, auditor));
  }
  if (remove !== undefined) {
    route.delete(auditedRoute('delete', path, remove, auditor));
  }
  const allowed = Object.keys(handlers).map((method) => method.toUpperCase());
  route.all((request, response) => {
    response.set('Allow', allowed.join(', '));
    throw new CofferError(
      'request.method',
      `${request.method} is not for this path; it takes ${allowed.join(', ')}`,
    );
  });
}

function statusRoute({ status }: ControlOptions): RequestHandler {
  return async (request, response) => {
    readQuery(QUERIES.none, request.query);
    const reply: DaemonStatus = await withDeadline(
      Promise.resolve(status()),
      STATUS_TIMEOUT_MS,
      'internal.unexpected',
      'the daemon did not come to know its own state in time',
    );
    response.json(reply);
  };
}

function refusalsRoute({ refusals }: ControlOptions): RequestHandler {
  return (request, response) => {
    const { name } = readQuery(QUERIES.refusals, request.query);
    const reply: RefusalsReply = {
      refusals: refusals()
        .filter((refusal) => name === undefined || refusedTo(refusal).includes(name))
        .toSorted((a, b) => b.at_ms - a.at_ms),
    };
    response.json(reply);
  };
}

/** The names that a user knows: of the service; of the volume, of containers that mount it, and of their services. */
function refusedTo(refusal: Refusal): readonly string[] {
  switch (refusal.kind) {
    case 'secret':
      return [refusal.service];
    case 'volume':
      return [refusal.volume, ...refusal.users];
    default:
      return unreachable(refusal);
  }
}

function doctorRoute({ doctor }: ControlOptions): RequestHandler {
  return async (request, response) => {
    readQuery(QUERIES.none, request.query);
    const checks = await withDeadline(
      Promise.resolve(doctor()),
      DOCTOR_TIMEOUT_MS,
      'internal.unexpected',
      'the checks did not end in time',
    );
    const reply: DoctorReply = { checks };
    response.json(reply);
  };
}

function errorHandler(logger: Logger): ErrorRequestHandler {
  return (thrown: unknown, request, response, next) => {
    if (!refuse(request, response, thrown, logger)) {
      next(thrown);
    }
  };
}
