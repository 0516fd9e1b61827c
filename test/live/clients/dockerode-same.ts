// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import Docker from 'dockerode';
import { fileHeader } from '../../../src/import/tar.ts';
import type { Installation } from '../../support/installation.ts';

/** Tells a story to both sockets; resolves to what was seen through the gateway, which is what was seen without it. */
export async function same<T>(
  { engine, gatewaySocket }: Installation,
  story: (docker: Docker) => Promise<T>,
): Promise<T> {
  const direct = await story(new Docker({ socketPath: engine.socket }));
  const through = await story(new Docker({ socketPath: gatewaySocket }));
  assert.deepEqual(through, direct);
  return through;
}

/** A tar archive of one little file. */
export function archiveOf(name: string, text: string): Buffer {
  const bytes = Buffer.from(text);
  const padding = Buffer.alloc((512 - (bytes.length % 512)) % 512);
  return Buffer.concat([fileHeader(name, bytes.length), bytes, padding, Buffer.alloc(1024)]);
}

/** For a machine without bridge. */
export const HOST = { HostConfig: { NetworkMode: 'host' } };
