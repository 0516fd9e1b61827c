// SPDX-License-Identifier: Apache-2.0
import type { SocketReply } from './socket-request.ts';

/** What a manager answered instead of doing what it was asked for. */
export class ManagerRefusal extends Error {
  /** Of HTTP. */
  readonly status: number;
  /** As `secret.not-found`; empty if the answer had none. */
  readonly code: string;

  constructor(status: number, text: string) {
    super(`refused with ${status}: ${text}`);
    this.name = 'ManagerRefusal';
    this.status = status;
    this.code = /"code":"([a-z.-]+)"/.exec(text)?.[1] ?? '';
  }
}

/** The body of a reply that is no refusal; throws a `ManagerRefusal` for one that is. */
export function acceptedBody(reply: SocketReply): unknown {
  if (reply.status >= 300) {
    throw new ManagerRefusal(reply.status, reply.text);
  }
  return reply.json();
}
