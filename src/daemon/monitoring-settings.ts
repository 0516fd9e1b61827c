// SPDX-License-Identifier: Apache-2.0
// The settings of what monitors are offered.
import { isIP } from 'node:net';
import { readSwitch } from './setting-forms.ts';
import type { SettingReader } from './setting-list.ts';

export interface MonitoringSettings {
  /** COFFER_METRICS_ADDRESS: where monitors are answered without a socket of the host, `HOST:PORT`. Default: nowhere. */
  readonly address: MonitoringAddress | undefined;
  /** COFFER_METRICS_SECRETS: on or off; default off. Whether the metrics name secrets. */
  readonly namesSecrets: boolean;
}

export interface MonitoringAddress {
  readonly host: string;
  /** 0 is for tests: the system chooses one. */
  readonly port: number;
}

const HOST_NAME = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/i;

/** Reads them; adds a sentence to `problems` for each that is wrong, whose default stands in. */
export function readMonitoringSettings(valueOf: SettingReader, problems: string[]): MonitoringSettings {
  return {
    address: readAddress(valueOf('COFFER_METRICS_ADDRESS'), problems),
    namesSecrets: readSwitch('COFFER_METRICS_SECRETS', valueOf, problems),
  };
}

function readAddress(text: string, problems: string[]): MonitoringAddress | undefined {
  if (text === 'off') {
    return undefined;
  }
  const { host = '', port = '' } = /^(?<host>.+):(?<port>\d{1,5})$/.exec(text)?.groups ?? {};
  const bare = host.replace(/^\[(.*)\]$/, '$1');
  // An IPv6 address without brackets would take its last part for the port.
  const isHost = bare === host ? isIP(host) === 4 || HOST_NAME.test(host) : isIP(bare) === 6;
  if (!isHost || Number(port) > 65_535) {
    problems.push(
      `COFFER_METRICS_ADDRESS is HOST:PORT, such as 127.0.0.1:7374, or off, not ${JSON.stringify(text)}`,
    );
    return undefined;
  }
  return { host: bare, port: Number(port) };
}
