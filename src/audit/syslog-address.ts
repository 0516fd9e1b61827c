// SPDX-License-Identifier: Apache-2.0
// Where a syslog receiver listens, written as Docker's own log driver takes it in `--log-opt syslog-address`.
import { CofferError } from '../common/index.ts';

export type SyslogAddress =
  | { readonly transport: 'udp'; readonly host: string; readonly port: number }
  | { readonly transport: 'tcp'; readonly host: string; readonly port: number }
  | { readonly transport: 'tls'; readonly host: string; readonly port: number }
  | { readonly transport: 'unix'; readonly path: string };

/** What Docker takes for all of them. */
const DEFAULT_PORT = 514;
const TRANSPORTS: Readonly<Record<string, 'udp' | 'tcp' | 'tls'>> = {
  udp: 'udp',
  tcp: 'tcp',
  'tcp+tls': 'tls',
};
const PLACE = /^(?:\[(?<ipv6>[\da-f:.]{2,45})\]|(?<host>[\w.-]{1,253}))(?::(?<port>\d{1,5}))?$/i;

/** Throws `settings.invalid`, with a sentence that goes on after the setting's name. */
export function parseSyslogAddress(text: string): SyslogAddress {
  const [scheme, rest] = splitOnce(text, '://');
  if (scheme === 'unixgram') {
    throw new CofferError(
      'settings.invalid',
      'cannot be unixgram://, since Node has no Unix datagram sockets: have the receiver listen on tcp://127.0.0.1:514 ' +
        '(imtcp of rsyslog), or set COFFER_AUDIT=stdout, which the journal passes on',
    );
  }
  if (scheme === 'unix' && rest.startsWith('/')) {
    return { transport: 'unix', path: rest };
  }
  const transport = Object.hasOwn(TRANSPORTS, scheme) ? TRANSPORTS[scheme] : undefined;
  const groups = PLACE.exec(rest)?.groups;
  const port = Number(groups?.['port'] ?? DEFAULT_PORT);
  const host = groups?.['ipv6'] ?? groups?.['host'];
  if (transport === undefined || host === undefined || port < 1 || port > 65_535) {
    throw new CofferError(
      'settings.invalid',
      `is udp://HOST:PORT, tcp://HOST:PORT, tcp+tls://HOST:PORT or unix:///PATH, not ${JSON.stringify(text)}`,
    );
  }
  return { transport, host, port };
}

/** As the settings write it. */
export function formatSyslogAddress(address: SyslogAddress): string {
  if (address.transport === 'unix') {
    return `unix://${address.path}`;
  }
  const { host, port, transport } = address;
  const scheme = transport === 'tls' ? 'tcp+tls' : transport;
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** The rest is empty where there is none. */
function splitOnce(text: string, separator: string): readonly [string, string] {
  const at = text.indexOf(separator);
  return at === -1 ? [text, ''] : [text.slice(0, at), text.slice(at + separator.length)];
}
