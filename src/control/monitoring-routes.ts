// SPDX-License-Identifier: Apache-2.0
// What monitors ask, also for those who may use this socket. The port for monitors answers the same.
import type { RequestHandler } from 'express';
import { CofferError } from '../common/index.ts';
import { MONITORING_PATHS, monitoringAnswer, type MonitoringPath } from '../monitoring/index.ts';
import type { ControlOptions } from './options.ts';

type MonitoringRoutes = Readonly<Record<string, { readonly get: RequestHandler }>>;

export function monitoringRoutes(options: ControlOptions): MonitoringRoutes {
  return Object.fromEntries(MONITORING_PATHS.map((path) => [path, { get: route(path, options) }]));
}

function route(path: MonitoringPath, { monitored }: ControlOptions): RequestHandler {
  return async (request, response) => {
    if (monitored === undefined) {
      throw new CofferError('request.not-found', 'this daemon is not watched');
    }
    const [, query = ''] = request.url.split('?', 2);
    const { body, status, type } = await monitoringAnswer(path, new URLSearchParams(query), monitored);
    response.status(status).set('Content-Type', type).send(body);
  };
}
