// SPDX-License-Identifier: Apache-2.0
// All that is promised of secrets on an engine, told for one of the two ways in which coffer is run.
import { after, before, describe } from 'node:test';
import { Installation, type InstallationKind } from '../../support/installation.ts';
import { certificateStories } from './certificates.ts';
import { cliPluginStories } from './cli-plugin.ts';
import { commandStories } from './commands.ts';
import { deliveryStories } from './delivery.ts';
import { swarmImportStories } from './swarm-import.ts';
import { parityStories } from './parity.ts';
import { revertedRotationStories, rollingRotationStories } from './rolling-rotation.ts';
import { rotationStories } from './rotation.ts';
import { scheduledRotationStories } from './scheduled-rotation.ts';
import { sealedStories } from './sealed.ts';
import { stackStories } from './stack.ts';
import { webPageStories } from './web-page.ts';
import { whyStories } from './why.ts';
import { withoutSwarmStories } from './without-swarm.ts';

export function secretStories(kind: InstallationKind): void {
  describe(`secrets, with coffer as a ${kind}`, () => {
    let started: Installation | undefined;
    const of = (): Installation => {
      if (started === undefined) {
        throw new Error('the engine did not start');
      }
      return started;
    };
    before(async () => {
      started = await Installation.start(kind);
    });
    after(async () => started?.stop());

    // First: it puts the engine into a swarm.
    withoutSwarmStories(of);
    commandStories(of);
    // What is the same however coffer is run is told once.
    const isToldOnce = kind === 'plain process';
    if (isToldOnce) {
      parityStories(of);
    }
    deliveryStories(of);
    rotationStories(of);
    rollingRotationStories(of);
    if (isToldOnce) {
      revertedRotationStories(of);
      scheduledRotationStories(of);
      certificateStories(of);
      swarmImportStories(of);
      sealedStories(of);
    } else {
      webPageStories(of);
    }
    stackStories(of);
    cliPluginStories(of);
    whyStories(of);
  });
}
