// SPDX-License-Identifier: Apache-2.0
// The routes of what the managers do by themselves: /v1/purge and the schedules.
import type { Request, RequestHandler, Response } from 'express';
import { parseRecipient } from '../backup/index.ts';
import type { DataKeyDescription, PurgeDescription, Schedules } from './cluster-wire.ts';
import { describeDataKey, describePurge, describeSchedules } from './describe-cluster.ts';
import { BODIES, readJson } from './json-body.ts';
import type { ControlOptions } from './options.ts';
import { QUERIES, readQuery } from './query.ts';
import { ownBackups } from './own-backups.ts';
import { changing, reading, servingCluster } from './serving-cluster.ts';
import type { ScheduledBackupsReply } from './wire.ts';

export interface MaintenanceRoutes {
  readonly purge: RequestHandler;
  readonly purgeProgress: RequestHandler;
  readonly setDataKeySchedule: RequestHandler;
  readonly setBackupSchedule: RequestHandler;
  readonly backups: RequestHandler;
}

export function maintenanceRoutes(options: ControlOptions): MaintenanceRoutes {
  async function purge(request: Request, response: Response<PurgeDescription>): Promise<void> {
    readQuery(QUERIES.none, request.query);
    const { maintenance } = await servingCluster(options);
    response.status(202).json(describePurge(await changing(maintenance.purge())));
  }

  async function purgeProgress(request: Request, response: Response<PurgeDescription>): Promise<void> {
    readQuery(QUERIES.none, request.query);
    const { maintenance } = await servingCluster(options);
    response.json(describePurge(await reading(maintenance.purgeProgress())));
  }

  async function setDataKeySchedule(request: Request, response: Response<DataKeyDescription>): Promise<void> {
    readQuery(QUERIES.none, request.query);
    const { every_ms } = await readJson(request, BODIES.dataKeySchedule);
    const { dataKey, maintenance } = await servingCluster(options);
    await changing(maintenance.setDataKeySchedule(every_ms));
    response.json(describeDataKey(dataKey.describe()));
  }

  async function setBackupSchedule(request: Request, response: Response<Schedules>): Promise<void> {
    readQuery(QUERIES.none, request.query);
    const { schedule } = await readJson(request, BODIES.backupSchedule);
    // Nobody would see it when the first backup is due.
    schedule?.recipients.forEach(parseRecipient);
    const cluster = await servingCluster(options);
    await changing(cluster.maintenance.setBackupSchedule(schedule ?? undefined));
    response.json(describeSchedules((await reading(cluster.describe())).schedules ?? {}));
  }

  async function backups(request: Request, response: Response<ScheduledBackupsReply>): Promise<void> {
    readQuery(QUERIES.none, request.query);
    response.json(await (await ownBackups(options)).describe());
  }

  return { purge, purgeProgress, setDataKeySchedule, setBackupSchedule, backups };
}
