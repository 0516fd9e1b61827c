// SPDX-License-Identifier: Apache-2.0
// What people use beside docker's own command line, through the gateway: each library makes its calls on the engine's own socket
// and on the gateway's, and must see the same.
import { after, before, describe } from 'node:test';
import { Installation } from '../support/installation.ts';
import { composeStories } from './clients/compose.ts';
import { dockerPyStories } from './clients/docker-py.ts';
import { dockerodeStories } from './clients/dockerode.ts';

describe('clients', () => {
  let started: Installation | undefined;
  const of = (): Installation => {
    if (started === undefined) {
      throw new Error('the engine did not start');
    }
    return started;
  };
  before(async () => {
    started = await Installation.start('plain process');
    await started.engine.swarmInit();
  });
  after(async () => started?.stop());

  dockerodeStories(of);
  dockerPyStories(of);
  composeStories(of);
});
