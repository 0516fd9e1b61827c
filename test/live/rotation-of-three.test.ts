// SPDX-License-Identifier: Apache-2.0
// Rotations of secrets on three engines, coffer a manager on each: while services serve, time and again, and whoever is killed.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe } from 'node:test';
import { CofferSwarm } from '../support/coffer-swarm.ts';
import { EngineGates } from '../support/engine-gates.ts';
import { killedRotationStories } from './stories/killed-rotation.ts';
import { servedRotationStories } from './stories/served-rotation.ts';

describe('rotations on three engines', () => {
  const gates = new EngineGates();
  let started: CofferSwarm | undefined;
  const swarm = (): CofferSwarm => started ?? assert.fail('the engines did not start');

  before(async () => {
    started = await CofferSwarm.start('plain process', 3, { engineSocket: (engine) => gates.open(engine) });
    await swarm().leader();
  });
  afterEach(() => gates.release());
  after(async () => {
    await gates.close();
    await started?.stop();
  });

  servedRotationStories(swarm, gates);
  killedRotationStories(swarm, gates);
});
