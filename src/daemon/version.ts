// SPDX-License-Identifier: Apache-2.0

/** The version in package.json, which the build writes in here. */
export const version: string = process.env['COFFER_VERSION'] ?? 'unbuilt';
