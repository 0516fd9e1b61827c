// SPDX-License-Identifier: Apache-2.0
// One connection to a node's port, as anybody could make it.
import type { TestContext } from 'node:test';
import { FRAME, type TlsCredentials } from '../../../src/transport/index.ts';
import { waitFor } from '../../support/wait-for.ts';
import { RawPeer } from '../transport/transport-harness.ts';

/** `accepted`, or the code and sentence of the refusal. */
export async function attempt(
  t: TestContext,
  port: number,
  protocol: string,
  credentials: TlsCredentials | undefined,
): Promise<string> {
  const peer =
    credentials === undefined
      ? new RawPeer(t, port, protocol)
      : RawPeer.member(t, port, protocol, credentials);
  try {
    return await waitFor(() => outcomeOf(peer), {
      what: `an answer on ${protocol}`,
      interval_ms: 2,
      timeout_ms: 30_000,
    });
  } finally {
    peer.socket.destroy();
  }
}

export function outcomeOf(peer: RawPeer): string | undefined {
  if (peer.frames.some(({ type }) => type === FRAME.accepted)) {
    return 'accepted';
  }
  if (peer.refusal !== undefined) {
    const { code, detail } = JSON.parse(peer.refusal) as { readonly code: string; readonly detail: string };
    return `${code}: ${detail}`;
  }
  return peer.isOver ? `closed: ${peer.error?.message ?? 'without a word'}` : undefined;
}
