// SPDX-License-Identifier: Apache-2.0
// What policy, ledger and audit log cost a delivery: two daemons beside one engine, asked in turn.
import { type Coffer, startCoffer } from '../support/coffer.ts';
import type { Engine } from '../support/engine.ts';
import { requestOverSocket } from '../support/socket-request.ts';
import { waitFor } from '../support/wait-for.ts';
import { getSecret, put, SECRETS } from './daemon-calls.ts';
import { interleaved, timeCalls, type Timing } from './measure.ts';

const READY_MS = 20_000;
const FILL_WIDTH = 64;

export interface WatchedOptions {
  /** Of each measurement. */
  readonly calls: number;
  readonly rounds: number;
  /** How many calls at once. */
  readonly widths: readonly number[];
}

type Rule = Readonly<Record<string, unknown>>;

const numbered = (count: number, ruleOf: (number: number) => Rule): readonly Rule[] =>
  Array.from({ length: count }, (_, number) => ruleOf(number));

/** As those of some teams: names and patterns, by service, stack, label and image; and what a zone may never have. */
const RULES: readonly Rule[] = [
  { effect: 'deny', secret: '*', nodeLabels: { zone: 'dmz' } },
  { effect: 'deny', secret: 'bench-*', image: 'debug:latest' },
  ...numbered(16, (n) => ({ effect: 'allow', secret: `shop${n}_db`, service: `shop${n}_*` })),
  ...numbered(10, (n) => ({ effect: 'allow', secret: `shop${n}_*`, stack: `shop${n}` })),
  ...numbered(9, (n) => ({ effect: 'allow', secret: `tls-${n}`, serviceLabels: { tls: `${n}` } })),
  ...numbered(8, (n) => ({ effect: 'allow', secret: `build-${n}-*`, image: `build:${n}` })),
  ...numbered(4, (n) => ({ effect: 'allow', secret: `bench-${n}`, service: 'web' })),
  { effect: 'allow', secret: 'bench-*', service: 'web', serviceLabels: { tier: 'front' } },
];

/** For each width: without policy and audit, with them, and with them by new tasks, which go into the ledger. */
export async function measureWatched(
  engine: Engine,
  nodeId: string,
  { calls, rounds, widths }: WatchedOptions,
): Promise<readonly Timing[]> {
  const startOne = (driver: string, listen: string, audit: string): Promise<Coffer> =>
    startCoffer({
      engine,
      driver,
      env: { COFFER_LOG_LEVEL: 'info', COFFER_LISTEN: listen, COFFER_AUDIT: audit },
    });
  const plain = await startOne('plain', '0.0.0.0:7374', 'off');
  const watched = await startOne('watched', '0.0.0.0:7375', 'file');
  try {
    for (const { controlSocket } of [plain, watched]) {
      await timeCalls(controlSocket, SECRETS, FILL_WIDTH, 201, (number) => put(`bench-${number}`));
    }
    await closeWithRules(watched, nodeId);
    const again = ({ pluginSocket }: Coffer, width: number): Promise<Timing> =>
      timeCalls(pluginSocket, calls, width, 200, (index) => getSecret({ number: index % SECRETS, nodeId }));
    let newest = SECRETS;
    const byNewTasks = ({ pluginSocket }: Coffer, width: number): Promise<Timing> =>
      timeCalls(pluginSocket, calls, width, 200, () => {
        newest += 1;
        return getSecret({ number: newest, nodeId });
      });
    await again(plain, FILL_WIDTH);
    return await interleaved(
      rounds,
      widths.flatMap((width) => [
        () => again(plain, width),
        async () => {
          // New tasks have taken their places in the ledger.
          await again(watched, FILL_WIDTH);
          return again(watched, width);
        },
        () => byNewTasks(watched, width),
      ]),
    );
  } finally {
    await Promise.all([plain.stop(), watched.stop()]);
  }
}

/** Adds the rules and a default of deny, and waits until a task is let in by them. */
async function closeWithRules({ controlSocket, pluginSocket }: Coffer, nodeId: string): Promise<void> {
  for (const body of RULES) {
    await expect(controlSocket, { method: 'POST', path: '/v1/policy/rules', body }, 201);
  }
  const body = { effect: 'deny' };
  await expect(controlSocket, { method: 'PUT', path: '/v1/policy/default', body }, 200);
  const isLetIn = async (): Promise<boolean> => {
    const { body: question, headers = {}, method, path } = getSecret({ number: SECRETS - 1, nodeId });
    const reply = await requestOverSocket(pluginSocket, { method, path, headers, body: question });
    return reply.text.startsWith('{"Value"');
  };
  await waitFor(isLetIn, { what: 'the labels of the node to be known', timeout_ms: READY_MS });
}

async function expect(
  socket: string,
  request: Parameters<typeof requestOverSocket>[1],
  status: number,
): Promise<void> {
  const reply = await requestOverSocket(socket, request);
  if (reply.status !== status) {
    throw new Error(`${request.path} answered ${reply.status}: ${reply.text.slice(0, 200)}`);
  }
}
