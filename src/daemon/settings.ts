// SPDX-License-Identifier: Apache-2.0
// The daemon's settings: environment variables, as Docker's own programs and plugins take them.
import path from 'node:path';
import { type ClusterSettings, DEFAULT_PORT, withPort } from '../cluster/index.ts';
import { type AuditSettings, readAuditSettings } from './audit-settings.ts';
import { type MonitoringSettings, readMonitoringSettings } from './monitoring-settings.ts';
import { type SettingName, settingReader, SETTINGS } from './setting-list.ts';
import { readWebhookSettings, type WebhookSettings } from './webhook-settings.ts';
import { CofferError, DAY_MS, parseDuration_ms } from '../common/index.ts';

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
  const pathOf = (name: SettingName): string => {
    const fallback = SETTINGS[name].fallback ?? '/';
    const value = valueOf(name) ?? fallback;
    if (!path.isAbsolute(value)) {
      problems.push(`${name} is an absolute path, not ${JSON.stringify(value)}`);
      return fallback;
    }
    return path.normalize(value);
  };
  const choiceOf = <T extends string>(name: SettingName, choices: readonly T[], fallback: T): T => {
    const value = valueOf(name);
    const choice = choices.find((candidate) => candidate === value);
    if (choice === undefined) {
      problems.push(`${name} is one of ${choices.join(', ')}, not ${JSON.stringify(value)}`);
    }
    return choice ?? fallback;
  };
  const cutOffOf = (name: 'COFFER_CUT_OFF_AFTER'): number | undefined => {
    const value = valueOf(name);
    if (value === 'off' || value === '0') {
      return undefined;
    }
    const duration_ms = parseDuration_ms(value);
    if (duration_ms === undefined || duration_ms > CUT_OFF_MAX_MS) {
      problems.push(`${name} is a duration up to 24d, such as 24h, or off, not ${JSON.stringify(value)}`);
      return DAY_MS;
    }
    return duration_ms === 0 ? undefined : duration_ms;
  };
  const driverOf = (name: SettingName): string | undefined => {
    const value = valueOf(name);
    if (value !== undefined && !DRIVER_PATTERN.test(value)) {
      problems.push(`${name} is the name of a Docker plugin, not ${JSON.stringify(value)}`);
      return undefined;
    }
    return value;
  };
  const addressOf = (name: string, text: string): string | undefined => {
    try {
      return withPort(text);
    } catch {
      problems.push(`${name} is HOST or HOST:PORT, not ${JSON.stringify(text)}`);
      return undefined;
    }
  };
  const listenOf = (name: 'COFFER_LISTEN'): ClusterSettings['listen'] => {
    const value = valueOf(name);
    if (value === 'off') {
      return undefined;
    }
    // Port 0 is for tests: the system chooses one.
    const match = /^(?<host>.+):(?<port>\d{1,5})$/.exec(
      value.includes(':') ? value : `${value}:${DEFAULT_PORT}`,
    );
    const port = Number(match?.groups?.['port'] ?? 65_536);
    if (port > 65_535) {
      problems.push(`${name} is HOST:PORT or off, not ${JSON.stringify(value)}`);
      return undefined;
    }
    return { host: (match?.groups?.['host'] ?? '').replace(/^\[(.*)\]$/, '$1'), port };
  };
  const joinOf = (name: SettingName): readonly string[] =>
    (valueOf(name) ?? '')
      .split(',')
      .map((text) => text.trim())
      .filter((text) => text !== '')
      .map((text) => addressOf(name, text) ?? '');
  const unlockKeyPlaces = (): readonly UnlockKeyPlace[] => {
    const file = valueOf('COFFER_UNLOCK_KEY_FILE');
    const credentials = environment['CREDENTIALS_DIRECTORY']?.trim() ?? '';
    return [
      ...(file === undefined
        ? []
        : [
            {
              name: 'COFFER_UNLOCK_KEY_FILE',
              file: pathOf('COFFER_UNLOCK_KEY_FILE'),
              isOptional: false,
            },
          ]),
      ...(credentials === ''
        ? []
        : [
            {
              name: `the credential ${UNLOCK_CREDENTIAL}`,
              file: path.join(credentials, UNLOCK_CREDENTIAL),
              isOptional: true,
            },
          ]),
    ];
  };
  const advertise = valueOf('COFFER_ADVERTISE');
  if (advertise !== undefined) {
    addressOf('COFFER_ADVERTISE', advertise);
  }
  const settings: Settings = {
    stateDirectory: pathOf('COFFER_STATE'),
    pluginSocket: pathOf('COFFER_PLUGIN_SOCKET'),
    gatewaySocket: pathOf('COFFER_GATEWAY_SOCKET'),
    controlSocket: pathOf('COFFER_CONTROL_SOCKET'),
    engineSocket: pathOf('COFFER_ENGINE_SOCKET'),
    driverName: driverOf('COFFER_DRIVER'),
    logLevel: choiceOf('COFFER_LOG_LEVEL', LOG_LEVELS, SETTINGS.COFFER_LOG_LEVEL.fallback),
    stackRotation:
      choiceOf('COFFER_STACK_ROTATION', ['on', 'off'], SETTINGS.COFFER_STACK_ROTATION.fallback) === 'on',
    cluster: {
      listen: listenOf('COFFER_LISTEN'),
      advertise,
      join: joinOf('COFFER_JOIN'),
      joinToken: valueOf('COFFER_JOIN_TOKEN'),
      joinTokenFile: valueOf('COFFER_JOIN_TOKEN_FILE'),
      reenrol: choiceOf('COFFER_REENROL', ['on', 'off'], SETTINGS.COFFER_REENROL.fallback) === 'on',
    },
    backupDirectory:
      valueOf('COFFER_BACKUP_DIRECTORY') === undefined ? undefined : pathOf('COFFER_BACKUP_DIRECTORY'),
    volumesDirectory: pathOf('COFFER_VOLUMES'),
    cutOffAfter_ms: cutOffOf('COFFER_CUT_OFF_AFTER'),
    unlockKeyPlaces: unlockKeyPlaces(),
    audit: readAuditSettings(valueOf, problems),
    monitoring: readMonitoringSettings(valueOf, problems),
    webhook: readWebhookSettings(valueOf, problems),
    mode: choiceOf('COFFER_MODE', ['process', 'managed'], SETTINGS.COFFER_MODE.fallback),
  };
  return { settings, problem: problemOf(problems) };
}

function problemOf(problems: readonly string[]): CofferError | undefined {
  if (problems.length === 0) {
    return undefined;
  }
  return new CofferError('settings.invalid', problems.join('; '), {
    hint: 'Correct the setting and start coffer again; a managed plugin: docker plugin disable, set, enable.',
  });
}
