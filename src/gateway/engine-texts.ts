// SPDX-License-Identifier: Apache-2.0
// The engine's own words for what is wrong with a call on secrets (swarmkit, manager/controlapi/secret.go and
// common.go; moby, daemon/cluster/helpers.go), where coffer answers in its place.

export const NAME_MISSING = 'rpc error: code = InvalidArgument desc = name must be provided';

export const NAME_INVALID =
  'rpc error: code = InvalidArgument desc = invalid name, only 64 [a-zA-Z0-9-_.] characters allowed, ' +
  'and the start and end character must be [a-zA-Z0-9]';

export const DATA_SIZE =
  'rpc error: code = InvalidArgument desc = secret data must be larger than 0 and less than 512000 bytes';

export const ONLY_LABELS = 'rpc error: code = InvalidArgument desc = only updates to Labels are allowed';

export const OUT_OF_SEQUENCE = 'rpc error: code = Unknown desc = update out of sequence';

export const VERSION_INVALID = 'invalid secret version';

export function alreadyExists(name: string): string {
  return `rpc error: code = AlreadyExists desc = secret ${name} already exists`;
}

export function notFound(reference: string): string {
  return `secret ${reference} not found`;
}

export function ambiguous(reference: string, matches: number): string {
  return `secret ${reference} is ambiguous (${matches} matches found)`;
}
