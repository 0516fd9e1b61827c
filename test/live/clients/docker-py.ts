// SPDX-License-Identifier: Apache-2.0
// docker-py of Debian's python3-docker: a script makes its calls on the engine's own socket, and then on the gateway's.
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { TEST_IMAGE } from '../../support/busybox.ts';
import { runCommand } from '../../support/command.ts';
import { type Installation, linesOf } from '../../support/installation.ts';
import { projectRoot } from '../../support/project.ts';
import { putAndGrant } from '../../support/volumes.ts';

/** Debian's own: another Python in the path has not its packages. */
const PYTHON = '/usr/bin/python3';
const GRANTED = 'granted';

type Steps = Readonly<Record<string, unknown>>;

export function dockerPyStories(of: () => Installation): void {
  test('docker-py sees through the gateway what it sees on the engine’s own socket', async () => {
    await putAndGrant(of(), GRANTED, 'a granted value');
    const { engine, gatewaySocket } = of();
    const direct = await stepsOn(engine.socket);
    const through = await stepsOn(gatewaySocket);
    assert.deepEqual(through, direct);
    // What the steps are compared for is there.
    assert.equal(through["a service's log"], '5\n');
    assert.equal(through['exec with an input'], 'got a line\n');
    assert.equal(through['a volume of secrets'], 'a granted value');
    assert.deepEqual(through['events'], ['create', 'attach', 'start', 'die', 'destroy']);
    assert.deepEqual(through['secrets left'], []);
    assert.match(engine.log(), /Calling POST \/v1\.\d+\/secrets\/create/);
  });
}

async function stepsOn(socket: string): Promise<Steps> {
  const script = path.join(projectRoot(), 'test', 'live', 'clients', 'docker_py.py');
  const { stdout } = await runCommand([PYTHON, script, socket, TEST_IMAGE, GRANTED]);
  return Object.fromEntries(linesOf(stdout).map((line) => JSON.parse(line) as [string, unknown]));
}
