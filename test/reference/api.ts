// SPDX-License-Identifier: Apache-2.0
import { BODIES } from '../../src/control/json-body.ts';
import { QUERIES } from '../../src/control/query.ts';
import { type RouteDescription, ROUTES } from '../../src/control/route-list.ts';
import { MONITORING_PATHS } from '../../src/monitoring/index.ts';
import { anchor, code, fenced, table } from './markdown.ts';
import { keysOf } from './valibot-text.ts';
import { wireTypes } from './wire-types.ts';

interface Call extends RouteDescription {
  readonly path: string;
  readonly method: string;
}

function calls(): readonly Call[] {
  return Object.entries(ROUTES).flatMap(([path, methods]) =>
    Object.entries<RouteDescription>(methods).map(([method, description]) => ({
      ...description,
      path,
      method: method.toUpperCase(),
    })),
  );
}

function link(title: string): string {
  return `[${code(title)}](${anchor(title)})`;
}

function replyOf({ reply }: Call): string {
  return /^\w+$/.test(reply) ? link(reply) : reply;
}

function bodyOf({ body, json }: Call): string {
  return json === undefined ? (body ?? '') : link(`body ${json}`);
}

function queryOf({ query }: Call): string {
  return query === 'none' ? '' : link(`query ${query}`);
}

export function apiPage(): string {
  const all = calls();
  const rows = all.map((call) => [
    code(`${call.method} ${call.path}`),
    call.does,
    queryOf(call),
    bodyOf(call),
    replyOf(call),
    call.audit === undefined ? '' : code(call.audit),
  ]);
  const named = [...all.map(({ reply }) => reply), 'RefusedReply', 'BackupReply'].filter((name) =>
    /^\w+$/.test(name),
  );
  const types = wireTypes([...new Set(named)])
    .toSorted((one, other) => (one.name < other.name ? -1 : 1))
    .map(({ name, text }) => `### ${name}\n\n${fenced('ts', text)}`);
  return `# The control API

What the command line speaks with the daemon: HTTP/1.1 on the control socket, for root alone. Answers are JSON in UTF-8 where nothing else is said; times are
milliseconds since 1970, in UTC, and sizes are bytes. A query parameter or a key of a body that nobody knows is refused. It is the API of this version: a command line of the
same version speaks it, and programs of yours are better served by \`--format json\` ([json.md](../json.md)), whose keys stay.

    $ curl -s --unix-socket /run/coffer/control.sock http://coffer/v1/secrets

What is refused has the status of its code ([errors.md](../errors.md)) and a ${link('RefusedReply')} as its body. Each answer names its request in \`X-Request-Id\`, which stands
in the log too ([monitoring.md](../monitoring.md)). \`:name\` and the like stand for one part of the path, percent-encoded.

## Calls

${table(['call', 'what it does', 'query', 'body', 'answer', 'audit event'], rows)}
For monitors there are ${MONITORING_PATHS.map((path) => code(`GET ${path}`)).join(', ')}, as on the port of their own ([monitoring.md](../monitoring.md)).

## Queries

${schemas('query', QUERIES)}## Bodies

Objects of JSON, with \`Content-Type: application/json\`, 16 KiB at most.

${schemas('body', BODIES)}## Types

${types.join('\n')}`;
}

function schemas(kind: string, table: Readonly<Record<string, object>>): string {
  return Object.entries(table)
    .filter(([, schema]) => keysOf(schema).length > 0)
    .map(([name, schema]) => `### ${kind} ${name}\n\n${keysOf(schema).join('\n')}\n\n`)
    .join('');
}
