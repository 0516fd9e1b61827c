// SPDX-License-Identifier: Apache-2.0
export type { Environment, Input, Io, Output } from './io.ts';
export { run } from './run.ts';
