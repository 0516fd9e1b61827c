// SPDX-License-Identifier: Apache-2.0
// In a process of its own, whose memory is searched: what it has read over TLS.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, type Server } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { createServer, type TLSSocket } from 'node:tls';
import { LeakScanner } from '../../support/leak-scanner.ts';
import { leaksInMemory } from '../../support/process-memory.ts';
import { buildTestProgram } from '../../support/program.ts';
import { TestAuthority } from '../../support/test-certificates.ts';

const ROUNDS = 10;

describe('a value that a process has read over TLS', () => {
  let authority: TestAuthority;
  let server: Server;
  let program: string;

  before(async () => {
    program = await buildTestProgram('stack-reader');
    authority = new TestAuthority();
    const { certificate, key } = authority.leaf('node');
    server = createServer({ cert: certificate, key, minVersion: 'TLSv1.3' });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  after(() => {
    server.close();
    authority.remove();
  });

  /** How many of the values that it was sent one after the other stood on its stack, each when it had answered. */
  async function onItsStack(words: readonly string[]): Promise<number> {
    const { port } = server.address() as AddressInfo;
    const reader: ChildProcess = spawn(process.execPath, [program, String(port), ...words], {
      stdio: 'inherit',
    });
    try {
      const [socket] = (await once(server, 'secureConnection')) as [TLSSocket];
      let found = 0;
      for (let round = 0; round < ROUNDS; round += 1) {
        const value = Buffer.from(randomBytes(200).toString('hex'));
        const scanner = new LeakScanner();
        scanner.add('it', value);
        socket.write(value);
        await once(socket, 'data');
        const leaks = leaksInMemory(scanner, reader.pid ?? assert.fail('it runs'));
        found += leaks.some(({ place }) => place.endsWith('[stack]')) ? 1 : 0;
      }
      socket.destroy();
      await once(reader, 'exit');
      return found;
    } finally {
      reader.kill('SIGKILL');
    }
  }

  test('is on its stack afterwards', async () => {
    assert.notEqual(await onItsStack([]), 0);
  });

  test('is not when it has wiped that', async () => {
    assert.equal(await onItsStack(['wipe']), 0);
  });
});
