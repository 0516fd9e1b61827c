// SPDX-License-Identifier: Apache-2.0
export { describeJoint, jointCommitted, jointIds, jointVote, type JointConfig } from './joint.ts';
export { describeIds, majorityCommitted, majorityVote, type VoteResult } from './majority.ts';
export { ascending } from './order.ts';
