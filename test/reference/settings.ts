// SPDX-License-Identifier: Apache-2.0
import { type SettingDescription, SETTINGS } from '../../src/daemon/setting-list.ts';
import { code, table } from './markdown.ts';

const PLUGIN: Readonly<Record<SettingDescription['plugin'], string>> = {
  settable: 'yes',
  fixed: 'fixed',
  absent: 'no',
};

export function settingPage(): string {
  const rows = Object.entries<SettingDescription>(SETTINGS).map(
    ([name, { fallback, meaning, plugin, takes }]) => [
      code(name),
      takes,
      fallback === undefined ? 'none' : code(fallback),
      PLUGIN[plugin],
      meaning,
    ],
  );
  return `# Settings of the daemon

Environment variables of a plain process. Of a managed plugin, those with a "yes" are set while it is disabled
(\`docker plugin set coffer NAME=VALUE\`), and those that are "fixed" it has from its \`config.json\`. An empty one is an absent one. A setting that
says nothing that can be does not end the daemon: it listens, serves nothing, and says on every interface what is wrong (\`settings.invalid\`).

${table(['setting', 'takes', 'default', 'plugin', 'meaning'], rows)}
A managed plugin has one more, which is no variable: \`engine.source\`, the path of the engine's socket on the host (by default \`/var/run/docker.sock\`).

The command line reads \`COFFER_SOCKET\`, the control socket of the daemon; without it, the socket is looked for where daemons have it.
`;
}
