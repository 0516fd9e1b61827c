// SPDX-License-Identifier: Apache-2.0
// What of a peer's messages comes to the core.
import type { PeerMessage } from '../../raft/index.ts';
import { proposerOf } from '../../secrets/index.ts';
import type { SecretState } from '../state/secret-state.ts';
import type { Proposer } from './proposer.ts';

/** Whether the core is to take this message. What others forward to a leader is its proposer's, and taken over here. */
export function isForCore(message: PeerMessage, state: SecretState, proposer: Proposer): boolean {
  if (state.removedNodes.has(message.from) || !proposedBySender(message)) {
    return false;
  }
  if (message.type === 'MsgApp' && !proposer.hasRoomFor(message.entries)) {
    // As good as lost: this follower acknowledges nothing more until it has room, and the others go on.
    return false;
  }
  return !(message.type === 'MsgProp' && proposer.takeOver(message.entries));
}

/** A node forwards its own requests, and nobody else's. */
function proposedBySender(message: PeerMessage): boolean {
  return (
    message.type !== 'MsgProp' ||
    message.entries.every(({ data, type }) => type !== 'EntryNormal' || proposerOf(data) === message.from)
  );
}
