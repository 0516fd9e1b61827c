// SPDX-License-Identifier: Apache-2.0
// The connecting side of channels: one attempt. When to try again is for the caller to decide.
import { CofferError } from '../common/index.ts';
import { type Channel, type ChannelEvents, type ChannelLimits, ConnectionChannel } from './channel.ts';
import { type Clock, systemClock } from './clock.ts';
import type { CredentialsSource } from './credentials.ts';
import { dial } from './dial.ts';
import { keepAlive } from './keep-alive.ts';
import type { ExpectedIdentity } from './peer-identity.ts';
import { travellingError } from './refusal.ts';

const PING_MS = 2_000;
const DEAD_MS = 6_000;

export interface OpenChannelOptions extends ChannelLimits {
  /** `host:port`. */
  readonly address: string;
  /** The ALPN name. */
  readonly protocol: string;
  readonly credentials: CredentialsSource;
  readonly expect: ExpectedIdentity;
  /** The other side has let this one in: called before the promise resolves, and before any message. */
  readonly accept: (channel: Channel) => ChannelEvents;
  /** Gives the attempt up; later it means nothing. */
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
  /** Default 2,000. The other side takes one that sends nothing for six seconds for dead. */
  readonly ping_ms?: number;
  /** Another side that sends nothing for this long is taken for dead. Default 6,000. */
  readonly dead_ms?: number;
}

/**
 * Resolves to the channel once the other side has let this one in. Rejects with its refusal, `pki.certificate-invalid`,
 * `transport.refused`, `transport.unreachable` or `transport.frame-invalid`, within 7 s.
 */
export function openChannel(options: OpenChannelOptions): Promise<Channel> {
  const { address, credentials, expect, message_bytes, protocol, signal } = options;
  const clock = options.clock ?? systemClock;
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(givenUp(address));
      return;
    }
    const settle = (): void => signal?.removeEventListener('abort', giveUp);
    const cancel = dial({
      address,
      protocol,
      credentials,
      verification: { kind: 'member', expect },
      clock,
      frameLimit_bytes: message_bytes,
      onAccepted: (connection) => {
        settle();
        const channel = new ConnectionChannel(connection, options);
        const events = acceptedBy(options, channel, reject);
        const { dead_ms = DEAD_MS, ping_ms = PING_MS } = options;
        const stopKeepAlive = keepAlive({ connection, clock, ping_ms, dead_ms });
        resolve(channel);
        return channel.deliverTo({
          onMessage: (payload) => events.onMessage(payload),
          onClose: (reason) => {
            stopKeepAlive();
            events.onClose(reason);
          },
        });
      },
      onFailed: (error) => {
        settle();
        reject(error);
      },
    });
    const giveUp = (): void => {
      cancel();
      reject(givenUp(address));
    };
    signal?.addEventListener('abort', giveUp, { once: true });
  });
}

/** What the caller makes of the channel; one that throws has none. */
function acceptedBy(
  { accept }: OpenChannelOptions,
  channel: Channel,
  reject: (error: unknown) => void,
): ChannelEvents {
  try {
    return accept(channel);
  } catch (thrown) {
    reject(thrown);
    throw travellingError(thrown);
  }
}

function givenUp(address: string): CofferError {
  return new CofferError('transport.unreachable', `the attempt to connect to ${address} was given up`);
}
