// SPDX-License-Identifier: Apache-2.0
// Rotations of secrets: which services they concern, and how the leader carries them out.
export { RotationRunner, type RotationRunnerOptions, type RotatedSwarm } from './runner.ts';
