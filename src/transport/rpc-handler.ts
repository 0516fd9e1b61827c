// SPDX-License-Identifier: Apache-2.0
// The serving side of calls.
import { CofferError, type Logger } from '../common/index.ts';
import type { Connection, ConnectionEvents } from './connection.ts';
import { FRAME, type FrameType, unexpectedFrame } from './frame.ts';
import type { Caller, ProtocolHandler } from './protocol.ts';
import { travellingError } from './refusal.ts';
import {
  decodeRequest,
  encodeErrorResponse,
  encodeResponse,
  type Request,
  REQUEST_OVERHEAD_BYTES,
} from './rpc-frames.ts';

/** A client pings every two seconds. */
const IDLE_MS = 10_000;
const CONNECTIONS_PER_PEER = 4;

export interface CallContext extends Caller {
  /** Aborts when the connection is gone: nobody waits for the reply. */
  readonly signal: AbortSignal;
}

/**
 * Answers one call. A CofferError that it throws reaches the caller as it is, without its cause; of anything else only
 * that it happened. The body is a view of what has arrived, which the method may overwrite.
 */
export type RpcMethod = (body: Buffer, context: CallContext) => Promise<Buffer>;

export interface RpcHandlerLimits {
  /** Default 1 MiB. */
  readonly request_bytes: number;
  /** A longer reply becomes an error. Default 4 MiB; the client has a limit too. */
  readonly reply_bytes: number;
  /** Calls under way of one connection. Default 64. */
  readonly inFlight: number;
}

const RPC_HANDLER_LIMITS: RpcHandlerLimits = {
  request_bytes: 1024 * 1024,
  reply_bytes: 4 * 1024 * 1024,
  inFlight: 64,
};

export interface RpcHandlerOptions {
  readonly methods: Readonly<Record<string, RpcMethod>>;
  readonly logger: Logger;
  readonly limits?: Partial<RpcHandlerLimits>;
  /** Overwrites replies with zeros once they are written, since they hold secrets. */
  readonly wipe?: boolean;
}

/** For a protocol of either policy. */
export function rpcHandler(options: RpcHandlerOptions): ProtocolHandler {
  const limits = { ...RPC_HANDLER_LIMITS, ...options.limits };
  return {
    frameLimit_bytes: limits.request_bytes + REQUEST_OVERHEAD_BYTES,
    idle_ms: IDLE_MS,
    connectionsPerPeer: CONNECTIONS_PER_PEER,
    accept: (connection, caller) => new CallServer(connection, caller, options, limits),
  };
}

class CallServer implements ConnectionEvents {
  readonly #connection: Connection;
  readonly #caller: Caller;
  readonly #options: RpcHandlerOptions;
  readonly #limits: RpcHandlerLimits;
  readonly #abort = new AbortController();
  #inFlight = 0;

  constructor(connection: Connection, caller: Caller, options: RpcHandlerOptions, limits: RpcHandlerLimits) {
    this.#connection = connection;
    this.#caller = caller;
    this.#options = options;
    this.#limits = limits;
  }

  onFrame(type: FrameType, payload: Buffer): void {
    if (type !== FRAME.request) {
      throw unexpectedFrame(type);
    }
    const request = decodeRequest(payload);
    if (this.#inFlight >= this.#limits.inFlight) {
      this.#sendError(
        request.id,
        new CofferError('cluster.rate-limited', `${this.#inFlight} calls are under way already`),
      );
      return;
    }
    this.#inFlight += 1;
    void this.#answer(request).finally(() => {
      this.#inFlight -= 1;
    });
  }

  onClose(): void {
    this.#abort.abort();
  }

  /** Never rejects. */
  async #answer({ body, id, method: name }: Request): Promise<void> {
    const { logger, methods, wipe = false } = this.#options;
    try {
      const method = Object.hasOwn(methods, name) ? methods[name] : undefined;
      if (method === undefined) {
        throw new CofferError('request.not-found', 'there is no such call between nodes', {
          hint: 'Compare the versions of coffer on the nodes.',
        });
      }
      const reply = await method(body, { ...this.#caller, signal: this.#abort.signal });
      if (reply.length > this.#limits.reply_bytes) {
        throw new CofferError(
          'request.too-large',
          `the reply has ${reply.length} bytes, and ${this.#limits.reply_bytes} are the most there can be`,
        );
      }
      this.#connection.send(FRAME.response, encodeResponse(id, reply), { wipe });
      if (wipe) {
        reply.fill(0);
      }
    } catch (thrown) {
      if (!(thrown instanceof CofferError)) {
        // The name alone: the message may quote what it is about.
        logger.error('a call of another node failed without a reason', {
          method: name,
          error: thrown instanceof Error ? thrown.name : typeof thrown,
        });
      }
      this.#sendError(id, travellingError(thrown));
    }
  }

  #sendError(id: number, error: CofferError): void {
    this.#connection.send(FRAME.error, encodeErrorResponse(id, error));
  }
}
