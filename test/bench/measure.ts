// SPDX-License-Identifier: Apache-2.0
// Timing calls over a Unix socket, in the manner of an HTTP client that keeps its connections.
import { Agent, request } from 'node:http';

export interface Call {
  readonly method: string;
  readonly path: string;
  readonly body: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Timing {
  readonly calls: number;
  readonly perSecond: number;
  readonly p50_ms: number;
  readonly p99_ms: number;
  readonly max_ms: number;
}

/** Calls `callOf(0)` to `callOf(count - 1)`, `width` at a time; rejects when `expect` is not the status. */
export async function timeCalls(
  socketPath: string,
  count: number,
  width: number,
  expect: number,
  callOf: (index: number) => Call,
): Promise<Timing> {
  const agent = new Agent({ keepAlive: true, maxSockets: width });
  const latencies_ms: number[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      const call = callOf(next);
      next += 1;
      const started_ms = performance.now();
      await send(agent, socketPath, call, expect);
      latencies_ms.push(performance.now() - started_ms);
    }
  };
  const started_ms = performance.now();
  try {
    await Promise.all(Array.from({ length: width }, worker));
  } finally {
    agent.destroy();
  }
  return timingOf(latencies_ms, performance.now() - started_ms);
}

/** Calls `call(0)`, `call(1)` and so on, `width` at a time, for `duration_ms` and until the last one has answered. */
export async function timeFor(
  duration_ms: number,
  width: number,
  call: (index: number, worker: number) => Promise<unknown>,
): Promise<Timing> {
  const latencies_ms: number[] = [];
  let next = 0;
  const began_ms = performance.now();
  const worker = async (_: unknown, place: number): Promise<void> => {
    for (let now_ms = performance.now(); now_ms < began_ms + duration_ms; ) {
      const started_ms = now_ms;
      const index = next;
      next += 1;
      await call(index, place);
      now_ms = performance.now();
      latencies_ms.push(now_ms - started_ms);
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
  return timingOf(latencies_ms, performance.now() - began_ms);
}

function timingOf(latencies_ms: number[], duration_ms: number): Timing {
  latencies_ms.sort((a, b) => a - b);
  const quantile = (share: number): number =>
    latencies_ms[Math.min(latencies_ms.length - 1, Math.floor(latencies_ms.length * share))] ?? 0;
  return {
    calls: latencies_ms.length,
    perSecond: (latencies_ms.length / duration_ms) * 1_000,
    p50_ms: quantile(0.5),
    p99_ms: quantile(0.99),
    max_ms: quantile(1),
  };
}

/** Makes one call, and reads its answer; rejects when `expect` is not the status. */
export function send(agent: Agent, socketPath: string, call: Call, expect: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        agent,
        socketPath,
        method: call.method,
        path: call.path,
        headers: { 'Content-Length': String(Buffer.byteLength(call.body)), ...call.headers },
      },
      (reply) => {
        const chunks: Buffer[] = [];
        reply.on('data', (chunk: Buffer) => chunks.push(chunk));
        reply.on('error', reject);
        reply.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          const refused = text.startsWith('{"Err"');
          if (reply.statusCode === expect && !refused) {
            resolve();
          } else {
            reject(new Error(`${call.path} answered ${reply.statusCode ?? 0}: ${text.slice(0, 200)}`));
          }
        });
      },
    );
    outgoing.on('error', reject);
    outgoing.end(call.body);
  });
}

/**
 * Measures several things in turn, round by round, so that a slow moment of the machine meets all of them. Resolves to
 * the median of each.
 */
export async function interleaved(
  rounds: number,
  measurements: readonly ((round: number) => Promise<Timing>)[],
): Promise<readonly Timing[]> {
  const timings = measurements.map((): Timing[] => []);
  for (let round = 0; round < rounds; round += 1) {
    for (const [place, measure] of measurements.entries()) {
      timings[place]?.push(await measure(round));
      process.stderr.write('.');
    }
  }
  return timings.map(median);
}

/** The middle one of several timings, by rate. */
function median(timings: readonly Timing[]): Timing {
  const sorted = [...timings].sort((a, b) => a.perSecond - b.perSecond);
  const middle = sorted[Math.floor(sorted.length / 2)];
  if (middle === undefined) {
    throw new RangeError('a median of nothing');
  }
  return middle;
}
