// SPDX-License-Identifier: Apache-2.0
// Every setting of the daemon. What reads them takes names and defaults from here, and docs/reference/settings.md is made of it.

export interface SettingDescription {
  /** What stands in where it is not set; undefined: nothing does. */
  readonly fallback: string | undefined;
  /** In a managed plugin: set by `docker plugin set`, given by config.json, or not there. */
  readonly plugin: 'settable' | 'fixed' | 'absent';
  /** What may stand there, in a few words. */
  readonly takes: string;
  /** One sentence, without a full stop. */
  readonly meaning: string;
}

/** In the order of the reference. */
export const SETTINGS = {
  COFFER_STATE: {
    fallback: '/var/lib/coffer',
    plugin: 'fixed',
    takes: 'an absolute path',
    meaning: 'the directory with the keys and the data',
  },
  COFFER_PLUGIN_SOCKET: {
    fallback: '/run/docker/plugins/coffer.sock',
    plugin: 'fixed',
    takes: 'an absolute path',
    meaning: 'the socket that the engine calls; a plain process is called, as a driver, what the file is',
  },
  COFFER_GATEWAY_SOCKET: {
    fallback: '/run/coffer/docker.sock',
    plugin: 'fixed',
    takes: 'an absolute path',
    meaning: 'the socket for Docker clients, of the group `docker`, as the engine’s own',
  },
  COFFER_CONTROL_SOCKET: {
    fallback: '/run/coffer/control.sock',
    plugin: 'fixed',
    takes: 'an absolute path',
    meaning: 'the socket of coffer’s own API, for root alone',
  },
  COFFER_ENGINE_SOCKET: {
    fallback: '/var/run/docker.sock',
    plugin: 'fixed',
    takes: 'an absolute path',
    meaning: 'where the engine listens; of a managed plugin: `docker plugin set coffer engine.source=PATH`',
  },
  COFFER_DRIVER: {
    fallback: undefined,
    plugin: 'settable',
    takes: 'the name of a plugin',
    meaning:
      'the driver’s name in secrets that coffer registers; by default the name of the plugin, or of the plugin socket',
  },
  COFFER_LOG_LEVEL: {
    fallback: 'info',
    plugin: 'settable',
    takes: '`debug`, `info`, `warn` or `error`',
    meaning: 'what is written to the log',
  },
  COFFER_STACK_ROTATION: {
    fallback: 'on',
    plugin: 'settable',
    takes: '`on` or `off`',
    meaning:
      'whether a stack that is deployed with a changed secret file makes a new version; `off`: it is refused, as the engine does',
  },
  COFFER_LISTEN: {
    fallback: '0.0.0.0:7373',
    plugin: 'settable',
    takes: '`HOST:PORT` or `off`',
    meaning: 'where other nodes reach this one; `off`: nowhere, so that it stays alone',
  },
  COFFER_ADVERTISE: {
    fallback: undefined,
    plugin: 'settable',
    takes: '`HOST` or `HOST:PORT`',
    meaning: 'the address that other nodes are told; by default the one that the engine has in its swarm',
  },
  COFFER_JOIN: {
    fallback: undefined,
    plugin: 'settable',
    takes: '`HOST` or `HOST:PORT`, with commas between',
    meaning: 'managers of the cluster to join; by default those of the engine’s swarm',
  },
  COFFER_JOIN_TOKEN: {
    fallback: undefined,
    plugin: 'settable',
    takes: 'what `docker coffer join-token` has shown',
    meaning: 'joins a cluster, at the first start alone; without one, a cluster is founded',
  },
  COFFER_JOIN_TOKEN_FILE: {
    fallback: undefined,
    plugin: 'absent',
    takes: 'a path',
    meaning: 'a file with the join token in it, instead',
  },
  COFFER_REENROL: {
    fallback: 'off',
    plugin: 'settable',
    takes: '`on` or `off`',
    meaning: '`on`, for one start: a manager whose certificate is gone or has expired makes itself a new one',
  },
  COFFER_UNLOCK_KEY_FILE: {
    fallback: undefined,
    plugin: 'absent',
    takes: 'an absolute path',
    meaning:
      'a file with the unlock key, or with shares of it, for a manager that is locked; systemd’s credential `coffer-unlock-key` is looked for too',
  },
  COFFER_CUT_OFF_AFTER: {
    fallback: '24h',
    plugin: 'settable',
    takes: 'a duration up to `24d`, or `off`',
    meaning: 'how long a node that reaches no manager keeps the files of volumes; `off`: for ever',
  },
  COFFER_VOLUMES: {
    fallback: '/run/coffer/volumes',
    plugin: 'fixed',
    takes: 'an absolute path',
    meaning: 'below it, the files of volumes are mounted, in memory',
  },
  COFFER_AUDIT: {
    fallback: 'file',
    plugin: 'settable',
    takes: '`file`, `stdout`, `syslog`, several with commas between, or `off`',
    meaning: 'where the audit log goes',
  },
  COFFER_AUDIT_SIZE: {
    fallback: '16m',
    plugin: 'settable',
    takes: 'a size from `64k` to `1g`',
    meaning: 'how large a file of the audit log becomes',
  },
  COFFER_AUDIT_KEEP: {
    fallback: '8',
    plugin: 'settable',
    takes: 'a number from 2 to 100',
    meaning: 'how many files of the audit log are kept',
  },
  COFFER_AUDIT_SYSLOG: {
    fallback: undefined,
    plugin: 'settable',
    takes: '`udp://`, `tcp://` or `tcp+tls://HOST:PORT`, or `unix:///PATH`',
    meaning: 'where syslog listens, for `COFFER_AUDIT=syslog`; without a port, it is 514',
  },
  COFFER_AUDIT_SYSLOG_FACILITY: {
    fallback: 'authpriv',
    plugin: 'settable',
    takes: '`auth`, `daemon`, `local0` to `local7` and so on',
    meaning: 'the facility of syslog under which the audit log is sent',
  },
  COFFER_AUDIT_SYSLOG_CA: {
    fallback: undefined,
    plugin: 'settable',
    takes: 'an absolute path',
    meaning:
      'for `tcp+tls`: a file in PEM with the CA of the receiver; by default the authorities that Node trusts',
  },
  COFFER_METRICS_ADDRESS: {
    fallback: 'off',
    plugin: 'settable',
    takes: '`HOST:PORT` or `off`',
    meaning: 'where monitors are answered, such as `127.0.0.1:7374`; `off`: on the control socket alone',
  },
  COFFER_METRICS_SECRETS: {
    fallback: 'off',
    plugin: 'settable',
    takes: '`on` or `off`',
    meaning: 'whether the metrics name secrets, with the age of each',
  },
  COFFER_WEBHOOK_URL: {
    fallback: undefined,
    plugin: 'settable',
    takes: '`https://HOST/PATH`, or `http` to this machine',
    meaning: 'where notices are sent; by default none are',
  },
  COFFER_WEBHOOK_TOKEN_FILE: {
    fallback: undefined,
    plugin: 'settable',
    takes: 'an absolute path',
    meaning: 'a file with what notices are signed with; of a managed plugin, below `/data`',
  },
  COFFER_BACKUP_DIRECTORY: {
    fallback: undefined,
    plugin: 'absent',
    takes: 'an absolute path',
    meaning:
      'where scheduled backups go; by default `backups` in the state directory. One that is named is never made by itself',
  },
  COFFER_MODE: {
    fallback: 'process',
    plugin: 'fixed',
    takes: '`process` or `managed`',
    meaning: 'how coffer runs; the managed plugin sets it',
  },
} as const satisfies Readonly<Record<string, SettingDescription>>;

export type SettingName = keyof typeof SETTINGS;

/** What a setting is, or what stands in for it. An empty one is an absent one, as an engine writes settings that nobody set. */
export type SettingReader = <Name extends SettingName>(
  name: Name,
) => string | (typeof SETTINGS)[Name]['fallback'];

/** Reads settings from environment variables. */
export function settingReader(environment: NodeJS.ProcessEnv): SettingReader {
  return (name) => {
    const value = environment[name]?.trim() ?? '';
    return value === '' ? SETTINGS[name].fallback : value;
  };
}
