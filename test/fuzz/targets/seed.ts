// SPDX-License-Identifier: Apache-2.0
/** For seeds that are drawn: they are the same in each run, whatever the run's own seed. */
export const SEED = 20_240_229;
