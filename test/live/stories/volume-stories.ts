// SPDX-License-Identifier: Apache-2.0
// All that is promised of volumes of secrets on an engine without a swarm, told for one of the two ways in which coffer is run.
import { after, before, describe } from 'node:test';
import { Installation, type InstallationKind } from '../../support/installation.ts';
import { volumeCertificateStories } from './volume-certificates.ts';
import { volumeComposeStories } from './volume-compose.ts';
import { volumeFileStories } from './volume-files.ts';
import { volumeGrantStories } from './volume-grants.ts';
import { volumePolicyStories } from './volume-policy.ts';
import { volumeRestartStories } from './volume-restarts.ts';
import { volumeRotationStories } from './volume-rotation.ts';
import { volumeWipingStories } from './volume-wiping.ts';

export function volumeStories(kind: InstallationKind): void {
  describe(`volumes, with coffer as a ${kind}`, () => {
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

    volumeFileStories(of);
    volumeGrantStories(of);
    volumePolicyStories(of);
    volumeRotationStories(of);
    // What is the same however coffer is run is told once.
    if (kind === 'plain process') {
      volumeCertificateStories(of);
    }
    volumeWipingStories(of);
    volumeComposeStories(of);
    volumeRestartStories(of);
  });
}
