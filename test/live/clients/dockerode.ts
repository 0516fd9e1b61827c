// SPDX-License-Identifier: Apache-2.0
// dockerode, which is told each story on the engine's own socket and on the gateway's.
import { describe } from 'node:test';
import type { Installation } from '../../support/installation.ts';
import { containerStories } from './dockerode-containers.ts';
import { otherStories } from './dockerode-others.ts';
import { secretStories } from './dockerode-secrets.ts';

export function dockerodeStories(of: () => Installation): void {
  describe('dockerode', () => {
    secretStories(of);
    containerStories(of);
    otherStories(of);
  });
}
