// SPDX-License-Identifier: Apache-2.0
export { SoleVoter, type SoleVoterOptions } from './sole-voter.ts';
export type { Entry, HardState, RaftNode, RaftStatus, Ready } from './types.ts';
