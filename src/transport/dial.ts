// SPDX-License-Identifier: Apache-2.0
// The way out: one connection to another node, whose identity is verified before anything is sent.
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';
import { CofferError, systemErrorCode } from '../common/index.ts';
import { parseAddress, plainAddress } from './address.ts';
import type { Clock, Timer } from './clock.ts';
import { Connection, type ConnectionEvents } from './connection.ts';
import { anonymousContext, contextOptions, type CredentialsSource } from './credentials.ts';
import { FRAME, type FrameType, unexpectedFrame } from './frame.ts';
import { type ExpectedIdentity, identityMismatch, readIdentity, shownCertificates } from './peer-identity.ts';
import { decodeRefusal, REFUSAL_BYTES_MAX } from './refusal.ts';

const TCP_TIMEOUT_MS = 2_000;
/** From the TCP connection to the other side's word that it accepts. */
const ACCEPT_TIMEOUT_MS = 5_000;
/** What every manager has in its certificate, as a DNS name. */
const SERVER_NAME = 'coffer-manager';

/** How the other side is verified. */
export type Verification =
  /** By this node's roots; and it must be the expected one. */
  | { readonly kind: 'member'; readonly expect: ExpectedIdentity }
  /** By these roots: any manager of their cluster. */
  | { readonly kind: 'roots'; readonly roots: readonly string[] }
  /** Not at all. For what may be told to anybody; the answer is to be compared with something. */
  | { readonly kind: 'none' };

export interface DialOptions {
  /** `host:port`. */
  readonly address: string;
  /** The ALPN name. */
  readonly protocol: string;
  /** None: no certificate is shown; not with a verification of kind `member`. */
  readonly credentials: CredentialsSource | undefined;
  readonly verification: Verification;
  readonly clock: Clock;
  readonly frameLimit_bytes: number;
  /** The other side has let this one in. */
  readonly onAccepted: (connection: Connection, socket: TLSSocket) => ConnectionEvents;
  /**
   * Called once instead of `onAccepted`: with the refusal of the other side, `pki.certificate-invalid`, `transport.refused`,
   * `transport.unreachable` or `transport.frame-invalid`.
   */
  readonly onFailed: (error: CofferError) => void;
}

/** Begins to connect. Neither callback is called before `dial` returns, nor after the returned function was called. */
export function dial(options: DialOptions): () => void {
  const dialing = new Dialing(options);
  return () => dialing.cancel();
}

class Dialing {
  readonly #options: DialOptions;
  #socket: Socket | undefined;
  #timer: Timer | undefined;
  #settled = false;

  constructor(options: DialOptions) {
    this.#options = options;
    try {
      this.#connect();
    } catch (thrown) {
      queueMicrotask(() => this.#fail(CofferError.from(thrown, 'transport.unreachable')));
    }
  }

  cancel(): void {
    this.#settled = true;
    this.#timer?.cancel();
    this.#socket?.destroy();
  }

  #connect(): void {
    const { host, port } = parseAddress(this.#options.address);
    const secureContext = contextFor(this.#options);
    const tcp = connectTcp({ host, port, noDelay: true });
    this.#socket = tcp;
    this.#expire(TCP_TIMEOUT_MS, 'nobody answered the connection');
    // Stays on when TLS has taken over: an error without a listener would end the process.
    tcp.on('error', (error) => this.#fail(this.#unreachable(reasonOf(error), error)));
    tcp.once('connect', () => {
      if (!this.#settled) {
        this.#secure(tcp, secureContext);
      }
    });
  }

  #secure(tcp: Socket, secureContext: SecureContext): void {
    const { protocol, verification } = this.#options;
    const tls: TLSSocket = connectTls({
      socket: tcp,
      secureContext,
      servername: SERVER_NAME,
      ALPNProtocols: [protocol],
      rejectUnauthorized: verification.kind !== 'none',
      checkServerIdentity: () => this.#identityError(tls),
    });
    this.#socket = tls;
    this.#expire(ACCEPT_TIMEOUT_MS, 'it did not accept the connection in time');
    tls.on('error', (error: Error) => this.#fail(this.#tlsError(error)));
    tls.once('close', () => this.#fail(this.#unreachable('it closed the connection')));
    tls.once('secureConnect', () => {
      if (!this.#settled) {
        this.#awaitAcceptance(tls);
      }
    });
  }

  /** OpenSSL has verified the chain; this is about the names. */
  #identityError(tls: TLSSocket): Error | undefined {
    const { verification } = this.#options;
    if (verification.kind === 'none') {
      return undefined;
    }
    const expect: ExpectedIdentity =
      verification.kind === 'member' ? verification.expect : { role: 'manager' };
    try {
      const [certificate] = shownCertificates(tls);
      if (certificate === undefined) {
        return new CofferError('pki.certificate-invalid', 'the other node shows no certificate');
      }
      return identityMismatch(readIdentity(certificate, ''), expect);
    } catch (thrown) {
      return CofferError.from(thrown);
    }
  }

  #awaitAcceptance(tls: TLSSocket): void {
    const { address, clock, frameLimit_bytes, protocol } = this.#options;
    if (tls.alpnProtocol !== protocol) {
      this.#fail(
        new CofferError('transport.refused', `whoever answers at ${address} does not speak ${protocol}`),
      );
      return;
    }
    const connection: Connection = new Connection(
      {
        socket: tls,
        clock,
        peerName: nameOf(this.#options, tls),
        frameLimit_bytes: Math.max(frameLimit_bytes, REFUSAL_BYTES_MAX),
      },
      {
        onFrame: (type, payload) => this.#onFirstFrame(connection, tls, type, payload),
        onClose: (reason) => this.#fail(reason),
      },
    );
  }

  #onFirstFrame(connection: Connection, tls: TLSSocket, type: FrameType, payload: Buffer): void {
    if (this.#settled) {
      return;
    }
    if (type === FRAME.refused) {
      this.#fail(decodeRefusal(payload));
      return;
    }
    if (type !== FRAME.accepted) {
      throw unexpectedFrame(type);
    }
    this.#settled = true;
    this.#timer?.cancel();
    const events = this.#options.onAccepted(connection, tls);
    connection.attach({
      onFrame: (frameType, framePayload) => {
        if (frameType === FRAME.refused) {
          connection.destroy(decodeRefusal(framePayload));
        } else {
          events.onFrame(frameType, framePayload);
        }
      },
      onClose: (reason) => events.onClose(reason),
    });
  }

  #expire(timeout_ms: number, how: string): void {
    const { clock } = this.#options;
    this.#timer?.cancel();
    this.#timer = clock.setTimer(timeout_ms, () =>
      this.#fail(this.#unreachable(`${how} (${timeout_ms} ms)`)),
    );
  }

  #fail(error: CofferError): void {
    if (this.#settled) {
      return;
    }
    this.cancel();
    this.#options.onFailed(error);
  }

  #tlsError(error: Error): CofferError {
    const code = systemErrorCode(error) ?? '';
    if (error instanceof CofferError) {
      return error;
    }
    if (VERIFICATION_ERROR.test(code)) {
      return new CofferError(
        'pki.certificate-invalid',
        `the certificate of whoever answers at ${this.#options.address} is not valid: ${code}`,
        { hint: 'Look at the address, and at the clocks of both nodes.' },
      );
    }
    if (code.startsWith('ERR_SSL_')) {
      return new CofferError(
        'transport.refused',
        `whoever answers at ${this.#options.address} does not agree on a connection: ${code.slice(8)}`,
        { hint: 'Compare the versions of coffer on the nodes.' },
      );
    }
    return this.#unreachable(reasonOf(error), error);
  }

  #unreachable(how: string, cause?: Error): CofferError {
    const options = cause === undefined ? {} : { cause };
    const detail = `cannot connect to ${this.#options.address}: ${how}`;
    return new CofferError('transport.unreachable', detail, options);
  }
}

/** The codes of OpenSSL's verdicts, as Node gives them: `CERT_HAS_EXPIRED`, `SELF_SIGNED_CERT_IN_CHAIN`, ... */
const VERIFICATION_ERROR =
  /CERT|CRL|SIGNATURE|ISSUER|PATH_LENGTH|INVALID_CA|INVALID_PURPOSE|HOSTNAME_MISMATCH/;

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nobody listens there',
  ECONNRESET: 'it reset the connection',
  EHOSTUNREACH: 'there is no route to it',
  ENETUNREACH: 'there is no route to it',
  ENOTFOUND: 'its name is not known',
  EAI_AGAIN: 'its name cannot be looked up',
  ETIMEDOUT: 'nobody answered the connection',
};

function reasonOf(error: Error): string {
  const code = systemErrorCode(error) ?? '';
  return REASONS[code] ?? (code === '' ? error.message : code);
}

function nameOf({ address, verification }: DialOptions, tls: TLSSocket): string {
  const nodeId = verification.kind === 'member' ? verification.expect.nodeId : undefined;
  return nodeId === undefined ? plainAddress(tls.remoteAddress ?? address) : `node ${nodeId}`;
}

function contextFor({ credentials, verification }: DialOptions): SecureContext {
  const roots = verification.kind === 'roots' ? verification.roots : [];
  if (credentials === undefined) {
    return anonymousContext(roots);
  }
  return verification.kind === 'roots'
    ? createSecureContext(contextOptions({ ...credentials.current, roots }))
    : credentials.context;
}
