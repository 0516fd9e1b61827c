// SPDX-License-Identifier: Apache-2.0
export { confStateOf, describeConfig, emptyConfig, isJoint, type TrackerConfig } from './config.ts';
export { describeProgress, describeProgressMap } from './describe.ts';
export { Inflights } from './inflights.ts';
export { Progress, type ProgressOptions } from './progress.ts';
export { ProgressTracker } from './progress-tracker.ts';
