// SPDX-License-Identifier: Apache-2.0
// Who is let in: the decision about a connection whose handshake is done.
import type { TLSSocket } from 'node:tls';
import { CofferError } from '../common/index.ts';
import { plainAddress } from './address.ts';
import { type PeerIdentity, readIdentity, shownCertificates } from './peer-identity.ts';
import type { Caller, Protocol } from './protocol.ts';

export interface AdmissionOptions {
  readonly protocols: ReadonlyMap<string, Protocol>;
  /** Decides about a peer whose certificate OpenSSL believes: undefined lets it in. */
  readonly authorize: (peer: PeerIdentity, protocol: string) => CofferError | undefined;
  /** Whether there is no place for another stranger from this address. */
  readonly strangersFull: (address: string) => boolean;
}

export type Admission =
  | {
      readonly kind: 'admitted';
      readonly protocol: Protocol;
      readonly caller: Caller;
      readonly peerName: string;
    }
  | {
      readonly kind: 'refused';
      readonly error: CofferError;
      readonly address: string;
      readonly peerName: string;
    };

/** Decides about `socket`. Never throws: an `authorize` that throws has refused. */
export function admit(socket: TLSSocket, options: AdmissionOptions): Admission {
  const address = plainAddress(socket.remoteAddress);
  let peerName = `a stranger at ${address}`;
  try {
    const protocol = protocolOf(socket, options.protocols);
    if (protocol.policy === 'stranger') {
      if (options.strangersFull(address)) {
        throw new CofferError('cluster.rate-limited', 'too many strangers are connected', {
          hint: 'Wait a moment.',
        });
      }
      return {
        kind: 'admitted',
        protocol,
        peerName,
        caller: { peer: strangerIdentity(socket, address), address },
      };
    }
    const peer = verifiedIdentity(socket, address);
    peerName = `node ${peer.nodeId}`;
    const objection = options.authorize(peer, protocol.name);
    if (objection !== undefined) {
      throw objection;
    }
    return { kind: 'admitted', protocol, peerName, caller: { peer, address } };
  } catch (thrown) {
    return { kind: 'refused', error: CofferError.from(thrown), address, peerName };
  }
}

function protocolOf(socket: TLSSocket, protocols: ReadonlyMap<string, Protocol>): Protocol {
  const name = socket.alpnProtocol;
  const protocol = typeof name === 'string' ? protocols.get(name) : undefined;
  if (protocol === undefined) {
    throw new CofferError('transport.refused', 'the connection names no protocol of coffer (ALPN)', {
      hint: 'Compare the versions of coffer on the nodes.',
    });
  }
  return protocol;
}

function verifiedIdentity(socket: TLSSocket, address: string): PeerIdentity {
  const [certificate] = shownCertificates(socket);
  if (certificate === undefined) {
    throw new CofferError('transport.refused', 'the connection shows no certificate', {
      hint: 'Only nodes of the cluster are served here; let the node join first.',
    });
  }
  if (!socket.authorized) {
    throw new CofferError(
      'pki.certificate-invalid',
      `the certificate is not valid here: ${verdictOf(socket)}`,
      { hint: 'Look at the clocks of both nodes, and at which cluster the node belongs to.' },
    );
  }
  return readIdentity(certificate, address);
}

/** A stranger's certificate matters only if the cluster has issued it. */
function strangerIdentity(socket: TLSSocket, address: string): PeerIdentity | undefined {
  try {
    return verifiedIdentity(socket, address);
  } catch {
    return undefined;
  }
}

/** OpenSSL's verdict: `CERT_HAS_EXPIRED` and the like. Node's types have an error there, and it is a code. */
function verdictOf(socket: TLSSocket): string {
  const verdict: unknown = socket.authorizationError;
  return typeof verdict === 'string' ? verdict : 'UNKNOWN';
}
