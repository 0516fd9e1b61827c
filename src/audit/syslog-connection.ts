// SPDX-License-Identifier: Apache-2.0
// One connection to a syslog receiver: TCP, TLS or a Unix stream.
import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { CofferError, systemErrorCode, unreachable } from '../common/index.ts';
import { formatSyslogAddress, type SyslogAddress } from './syslog-address.ts';

export type SyslogStreamAddress = Exclude<SyslogAddress, { readonly transport: 'udp' }>;

export interface SyslogConnectionOptions {
  readonly address: SyslogStreamAddress;
  /** PEM, of who has issued the receiver's certificate; read for each connection. Default: the authorities that Node trusts. */
  readonly caFile: string | undefined;
  /** For the connection, and for TLS on it. Default: 5 s. */
  readonly connect_ms?: number;
  /** Without a byte taken for so long, it is given up. Default: ten minutes. */
  readonly write_ms?: number;
  readonly monotonic_ms: () => number;
}

const CONNECT_MS = 5_000;
/** Long: a new connection to a receiver that stalls has buffers of its own, which take megabytes that nobody reads. */
const WRITE_MS = 600_000;
/** A receiver that is gone without a word is noticed before the next record needs it. */
const KEEP_ALIVE_MS = 15_000;

export class SyslogConnection {
  readonly #options: SyslogConnectionOptions;
  readonly #socket: Socket;
  #fault: CofferError | undefined;
  #endedAt_ms: number | undefined;

  private constructor(options: SyslogConnectionOptions, socket: Socket) {
    this.#options = options;
    this.#socket = socket;
    socket.on('error', (thrown) => {
      this.#fault ??= this.#explained(thrown);
    });
    const onEnd = (): void => {
      this.#endedAt_ms ??= options.monotonic_ms();
    };
    socket.once('end', onEnd).once('close', onEnd);
    // A receiver has nothing to say; its end is heard only if what it says is read.
    socket.resume();
  }

  /** When it was found that the connection is there no more, whoever has ended it. */
  get endedAt_ms(): number | undefined {
    return this.#endedAt_ms;
  }

  /** Resolves when the receiver can be written to; it is who it has to be, where that is asked. Rejects with `audit.unavailable`. */
  static async open(options: SyslogConnectionOptions): Promise<SyslogConnection> {
    const { address, caFile, connect_ms = CONNECT_MS } = options;
    const ca = caFile === undefined ? undefined : await readAuthorities(address, caFile);
    // Its first error may come with the next turn: it has to be listened to by then.
    const connection = new SyslogConnection(options, begin(address, ca));
    const socket = connection.#socket;
    const late = `it has not answered for ${connect_ms / 1_000} s`;
    await connection.#within(connect_ms, late, (done) =>
      socket.once(address.transport === 'tls' ? 'secureConnect' : 'connect', () => done()),
    );
    return connection;
  }

  /** Resolves when the kernel has taken all bytes: it does not while the receiver lets them lie. Rejects with `audit.unavailable`. */
  write(bytes: Buffer): Promise<void> {
    const { write_ms = WRITE_MS } = this.#options;
    const late = `it has not taken a line for ${write_ms / 1_000} s`;
    return this.#within(write_ms, late, (done) => this.#socket.write(bytes, done));
  }

  /** Ends it behind what the kernel has taken. */
  end(): void {
    this.#socket.destroySoon();
  }

  /** Settles with `work`, or when the connection ends, which it does after `timeout_ms`. */
  #within(
    timeout_ms: number,
    late: string,
    work: (done: (error?: Error | null) => void) => void,
  ): Promise<void> {
    const socket = this.#socket;
    return new Promise((resolve, reject) => {
      const onClose = (): void => settle(new Error('the receiver has ended the connection'));
      const timer = setTimeout(() => {
        this.#fault ??= this.#explained(new Error(late));
        socket.destroy();
      }, timeout_ms);
      const settle = (error: Error | null | undefined): void => {
        clearTimeout(timer);
        socket.off('close', onClose);
        if (error === null || error === undefined) {
          resolve();
        } else {
          // What a write is told is only that the socket is gone; the fault says why.
          reject(this.#fault ?? this.#explained(error));
        }
      };
      socket.once('close', onClose);
      work(settle);
    });
  }

  #explained(thrown: Error): CofferError {
    return explained(this.#options.address, thrown);
  }
}

const KEPT_ALIVE = { keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS, noDelay: true };

function begin(address: SyslogStreamAddress, ca: Buffer | undefined): Socket {
  switch (address.transport) {
    case 'tcp':
      return connect({ host: address.host, port: address.port, ...KEPT_ALIVE });
    case 'tls':
      return connectTls({
        host: address.host,
        port: address.port,
        ...KEPT_ALIVE,
        // Whatever the environment says.
        rejectUnauthorized: true,
        ...(ca === undefined ? {} : { ca }),
      });
    case 'unix':
      return connect({ path: address.path });
    default:
      return unreachable(address);
  }
}

async function readAuthorities(address: SyslogAddress, file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (thrown) {
    throw explained(address, thrown);
  }
}

/** Names the receiver. Of several addresses that were tried for one name, the error has no words but a code. */
export function explained(address: SyslogAddress, thrown: unknown): CofferError {
  if (thrown instanceof CofferError && thrown.code === 'audit.unavailable') {
    return thrown;
  }
  const { detail } = CofferError.from(thrown);
  const reason = detail === '' ? (systemErrorCode(thrown) ?? 'it cannot be reached') : detail;
  return new CofferError('audit.unavailable', `${formatSyslogAddress(address)}: ${reason}`, {
    cause: thrown,
  });
}
