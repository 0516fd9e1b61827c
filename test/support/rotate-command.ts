// SPDX-License-Identifier: Apache-2.0
import { SecretValue } from '../../src/common/index.ts';
import type { Command, RotateSecret } from '../../src/secrets/index.ts';
import { aRotatedService } from './cluster-objects.ts';

/** Begins a rotation of this secret to another value, for the service `web`. */
export function rotateCommand(id: string, rotationId: string, over: Partial<RotateSecret> = {}): Command {
  return {
    kind: 'rotate',
    id,
    rotationId,
    expect: undefined,
    services: [aRotatedService('web')],
    timeout_ms: 60_000,
    value: SecretValue.copyOf(Buffer.from('new')),
    at_ms: 1,
    ...over,
  };
}
