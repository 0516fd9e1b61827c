// SPDX-License-Identifier: Apache-2.0
/**
 * Why the core did not take something: `proposal-dropped` for lack of a leader or of room, or during a handover,
 * `local-message` for a message that must not come from a peer, `peer-not-found` for the answer of someone who is no
 * member.
 */
export type Refusal = 'proposal-dropped' | 'local-message' | 'peer-not-found';
