// SPDX-License-Identifier: Apache-2.0
// Headers in the flat form of node's `rawHeaders`: name, value, name, value; order, case and repeats kept.

export type RawHeaders = readonly string[];

/** Those that speak of one connection and not of the message (RFC 9110, 7.6.1). */
const CONNECTION_HEADERS: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
]);

/** What describes a body, for a message whose body is replaced. */
const BODY_HEADERS: ReadonlySet<string> = new Set(['content-length', 'expect', 'trailer', 'te']);

/** The first value of a header. */
export function headerValue(headers: RawHeaders, name: string): string | undefined {
  for (let index = 0; index < headers.length; index += 2) {
    if (headers[index]?.toLowerCase() === name) {
      return headers[index + 1];
    }
  }
  return undefined;
}

/** Whether a list-valued header holds a token, in any of its lines and without regard to case. */
export function hasToken(headers: RawHeaders, name: string, token: string): boolean {
  return tokensOf(headers, name).includes(token);
}

/** The headers that travel on to the next hop; the framing of the body is the next connection's own. */
export function endToEnd(headers: RawHeaders): string[] {
  const named = new Set(tokensOf(headers, 'connection'));
  return filterHeaders(headers, (name) => !CONNECTION_HEADERS.has(name) && !named.has(name));
}

/** As `endToEnd`, without what belongs to a body that is replaced. */
export function withoutBodyHeaders(headers: RawHeaders): string[] {
  return filterHeaders(endToEnd(headers), (name) => !BODY_HEADERS.has(name));
}

/** What the engine says of itself with every answer, for the answers that coffer makes itself. */
export function identityHeaders(headers: RawHeaders): string[] {
  const wanted = new Set(['api-version', 'docker-experimental', 'ostype', 'server']);
  return filterHeaders(headers, (name) => wanted.has(name));
}

/** Pairs, as `addTrailers` takes them. */
export function pairsOf(headers: RawHeaders): [string, string][] {
  const pairs: [string, string][] = [];
  for (let index = 0; index + 1 < headers.length; index += 2) {
    pairs.push([headers[index] ?? '', headers[index + 1] ?? '']);
  }
  return pairs;
}

function filterHeaders(headers: RawHeaders, keep: (lowerCaseName: string) => boolean): string[] {
  return pairsOf(headers)
    .filter(([name]) => keep(name.toLowerCase()))
    .flat();
}

function tokensOf(headers: RawHeaders, name: string): readonly string[] {
  return pairsOf(headers)
    .filter(([key]) => key.toLowerCase() === name)
    .flatMap(([, value]) => value.split(','))
    .map((token) => token.trim().toLowerCase());
}
