// SPDX-License-Identifier: Apache-2.0
// The limits that users of Docker know, and those that keep coffer's memory and disk bounded.

/** A value holds 1 to this many bytes, as in Swarm: fewer than 500 KiB. */
export const VALUE_BYTES_MAX = 511_999;

export { NAME_LENGTH_MAX } from '../common/index.ts';

/** All labels of one secret together, keys and values in UTF-8. Swarm bounds only the whole request. */
export const LABELS_BYTES_MAX = 512 * 1024;

/** How many versions a secret keeps; the oldest gives way to a new one. */
export const VERSIONS_KEPT = 10;

/** How many destroyed versions a secret's history names besides those; the oldest is forgotten for a new one. */
export const DESTROYED_KEPT = 10;

/** How many deliveries are remembered, oldest first out, so that a task that asks again gets the same version. */
export const DELIVERIES_KEPT = 20_000;

/**
 * How many applied requests are remembered, oldest first out, so that one that comes twice is applied once. A request
 * must come within as many entries of the log from when it was made.
 */
export const REQUESTS_KEPT = 16_384;

/** Bytes of an id of coffer, the engine or a swarm. They have 25 characters. */
export const ID_LENGTH_MAX = 64;

/** Task ids are 25 characters; what is longer is not a task's id. */
export const TASK_ID_LENGTH_MAX = 64;
