// SPDX-License-Identifier: Apache-2.0
// The control API as an express application: what all of its routes have in common.
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';
import type { Auditor } from '../audit/index.ts';
import { CofferError, type Logger } from '../common/index.ts';
import { auditedRoute } from './audited-route.ts';
import { monitoringRoutes } from './monitoring-routes.ts';
import type { ControlOptions } from './options.ts';
import type { PutRoutes } from './put-routes.ts';
import { refuse } from './refuse.ts';
import type { Method } from './route-list.ts';
import { routeTable } from './route-table.ts';

type Handlers = Readonly<Partial<Record<Method, RequestHandler>>>;

/** Makes the application. It answers every request with JSON, also those that it refuses. */
export function controlApp(options: ControlOptions, puts: PutRoutes): Express {
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
  const routes = { ...routeTable(options, puts), ...monitoringRoutes(options) };
  for (const [path, handlers] of Object.entries<Handlers>(routes)) {
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

function errorHandler(logger: Logger): ErrorRequestHandler {
  return (thrown: unknown, request, response, next) => {
    if (!refuse(request, response, thrown, logger)) {
      next(thrown);
    }
  };
}
