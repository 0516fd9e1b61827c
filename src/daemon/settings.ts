// SPDX-License-Identifier: Apache-2.0
// The daemon's settings: environment variables, as Docker's own programs and plugins take them.
import path from 'node:path';
import type { ClusterSettings } from '../cluster/index.ts';
import { CofferError, DAY_MS, parseDuration_ms } from '../common/index.ts';
import { type AuditSettings, readAuditSettings } from './audit-settings.ts';
import { readClusterSettings } from './cluster-settings.ts';
import { type MonitoringSettings, readMonitoringSettings } from './monitoring-settings.ts';
import { readChoice, readPath, readSwitch } from './setting-forms.ts';
import { type SettingName, type SettingReader, settingReader } from './setting-list.ts';
import { readWebhookSettings, type WebhookSettings } from './webhook-settings.ts';

const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface Settings {
  /** COFFER_STATE: the directory with the keys and the database. Default: /var/lib/coffer. */
  readonly stateDirectory: string;
  /** COFFER_PLUGIN_SOCKET. Default: /run/docker/plugins/coffer.sock; a legacy plugin is named after its socket. */
  readonly pluginSocket: string;
  /** COFFER_GATEWAY_SOCKET. Default: /run/coffer/docker.sock. */
  readonly gatewaySocket: string;
  /** COFFER_CONTROL_SOCKET. Default: /run/coffer/control.sock. */
  readonly controlSocket: string;
  /** COFFER_ENGINE_SOCKET. Default: /var/run/docker.sock. */
  readonly engineSocket: string;
  /** COFFER_DRIVER: the driver's name in the engine. Default: found out, else the name of the plugin socket. */
  readonly driverName: string | undefined;
  /** COFFER_LOG_LEVEL: debug, info, warn or error. Default: info. */
  readonly logLevel: LogLevel;
  /** COFFER_STACK_ROTATION: on or off. Default: on. Whether an update with a new value makes a new version. */
  readonly stackRotation: boolean;
  /**
   * COFFER_LISTEN: `host:port`, or `off`; default 0.0.0.0:7373. COFFER_ADVERTISE: `host[:port]`. COFFER_JOIN:
   * `host[:port]` of managers, with commas between them. COFFER_JOIN_TOKEN, or COFFER_JOIN_TOKEN_FILE with a path.
   * COFFER_REENROL: on or off; default off.
   */
  readonly cluster: ClusterSettings;
  /** COFFER_BACKUP_DIRECTORY: where scheduled backups go. Default: `backups` in the state directory, which is made. */
  readonly backupDirectory: string | undefined;
  /** COFFER_VOLUMES: below it, the files of volumes are mounted. Default: /run/coffer/volumes. */
  readonly volumesDirectory: string;
  /**
   * COFFER_CUT_OFF_AFTER: how long a node that reaches no manager keeps the secrets that it was given; up to 24d, or `off`, which is
   * undefined here. Default: 24h.
   */
  readonly cutOffAfter_ms: number | undefined;
  /** COFFER_UNLOCK_KEY_FILE; then `coffer-unlock-key` in CREDENTIALS_DIRECTORY, which systemd sets. */
  readonly unlockKeyPlaces: readonly UnlockKeyPlace[];
  readonly audit: AuditSettings;
  readonly monitoring: MonitoringSettings;
  /** Undefined: no notices are sent. */
  readonly webhook: WebhookSettings | undefined;
  /** COFFER_MODE: process or managed. Default: process. */
  readonly mode: 'process' | 'managed';
}

/** A file that may hold the unlock key, or shares of it. */
export interface UnlockKeyPlace {
  /** Who names it. */
  readonly name: string;
  readonly file: string;
  /** Whether it may be missing. */
  readonly isOptional: boolean;
}

export interface ReadSettings {
  readonly settings: Settings;
  /** What is wrong; the defaults stand in. The daemon listens all the same, serves nothing, and says this. */
  readonly problem: CofferError | undefined;
}

/** What a timer of Node's can wait for. */
const CUT_OFF_MAX_MS = 24 * DAY_MS;
const UNLOCK_CREDENTIAL = 'coffer-unlock-key';
const DRIVER_PATTERN = /^[\w./:@-]{1,255}$/;

/** Reads the settings; what is wrong with them is in the answer, since an engine disables a plugin that exits. */
export function readSettings(environment: NodeJS.ProcessEnv): ReadSettings {
  const problems: string[] = [];
  const valueOf = settingReader(environment);
  const pathOf = (name: SettingName): string => readPath(name, valueOf, problems);
  const settings: Settings = {
    stateDirectory: pathOf('COFFER_STATE'),
    pluginSocket: pathOf('COFFER_PLUGIN_SOCKET'),
    gatewaySocket: pathOf('COFFER_GATEWAY_SOCKET'),
    controlSocket: pathOf('COFFER_CONTROL_SOCKET'),
    engineSocket: pathOf('COFFER_ENGINE_SOCKET'),
    driverName: readDriverName(valueOf('COFFER_DRIVER'), problems),
    logLevel: readChoice('COFFER_LOG_LEVEL', LOG_LEVELS, valueOf, problems),
    stackRotation: readSwitch('COFFER_STACK_ROTATION', valueOf, problems),
    cluster: readClusterSettings(valueOf, problems),
    backupDirectory:
      valueOf('COFFER_BACKUP_DIRECTORY') === undefined ? undefined : pathOf('COFFER_BACKUP_DIRECTORY'),
    volumesDirectory: pathOf('COFFER_VOLUMES'),
    cutOffAfter_ms: readCutOff(valueOf('COFFER_CUT_OFF_AFTER'), problems),
    unlockKeyPlaces: readUnlockKeyPlaces(environment, valueOf, problems),
    audit: readAuditSettings(valueOf, problems),
    monitoring: readMonitoringSettings(valueOf, problems),
    webhook: readWebhookSettings(valueOf, problems),
    mode: readChoice('COFFER_MODE', ['process', 'managed'], valueOf, problems),
  };
  return { settings, problem: problemOf(problems) };
}

function readDriverName(text: string | undefined, problems: string[]): string | undefined {
  if (text !== undefined && !DRIVER_PATTERN.test(text)) {
    problems.push(`COFFER_DRIVER is the name of a Docker plugin, not ${JSON.stringify(text)}`);
    return undefined;
  }
  return text;
}

function readCutOff(text: string, problems: string[]): number | undefined {
  if (text === 'off' || text === '0') {
    return undefined;
  }
  const duration_ms = parseDuration_ms(text);
  if (duration_ms === undefined || duration_ms > CUT_OFF_MAX_MS) {
    problems.push(
      `COFFER_CUT_OFF_AFTER is a duration up to 24d, such as 24h, or off, not ${JSON.stringify(text)}`,
    );
    return DAY_MS;
  }
  return duration_ms === 0 ? undefined : duration_ms;
}

function readUnlockKeyPlaces(
  environment: NodeJS.ProcessEnv,
  valueOf: SettingReader,
  problems: string[],
): readonly UnlockKeyPlace[] {
  const name = 'COFFER_UNLOCK_KEY_FILE';
  const credentials = environment['CREDENTIALS_DIRECTORY']?.trim() ?? '';
  const places: UnlockKeyPlace[] = [];
  if (valueOf(name) !== undefined) {
    places.push({ name, file: readPath(name, valueOf, problems), isOptional: false });
  }
  if (credentials !== '') {
    const file = path.join(credentials, UNLOCK_CREDENTIAL);
    places.push({ name: `the credential ${UNLOCK_CREDENTIAL}`, file, isOptional: true });
  }
  return places;
}

function problemOf(problems: readonly string[]): CofferError | undefined {
  if (problems.length === 0) {
    return undefined;
  }
  return new CofferError('settings.invalid', problems.join('; '), {
    hint: 'Correct the setting and start coffer again; a managed plugin: docker plugin disable, set, enable.',
  });
}
