// SPDX-License-Identifier: Apache-2.0
// The network itself: what is cut is cut, what is slow is slow, and nothing of it is left behind.
import assert from 'node:assert/strict';
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readlinkSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { temporaryDirectory, type TemporaryDirectory } from '../support/cleanup.ts';
import { Network, type NetworkHost } from '../support/network.ts';
import { requestOverSocket } from '../support/socket-request.ts';
import { waitFor } from '../support/wait-for.ts';

const PORT = 7373;
/** Long enough for a packet on this machine, and for one that was sent again. */
const ANSWER_MS = 4_000;

/** A server on TCP that answers with the address it was asked from; asks others when told to over a Unix socket. */
const AGENT = `
  const http = require('node:http');
  http.createServer((request, response) => {
    response.setHeader('Connection', 'close').end(request.socket.remoteAddress);
  }).listen(${PORT}, '0.0.0.0');
  http.createServer((request, response) => {
    const [, address, timeout] = request.url.split('/');
    const started = performance.now();
    const answer = (text) => response.end(JSON.stringify({ text, took_ms: performance.now() - started }));
    const asked = http.get({ host: address, port: ${PORT}, timeout: Number(timeout), agent: false }, (reply) => {
      let text = '';
      reply.on('data', (chunk) => (text += chunk)).on('end', () => answer(text));
    });
    asked.on('timeout', () => asked.destroy(new Error('no answer'))).on('error', () => answer(''));
  }).listen(process.argv[1], () => console.log('ready'));
`;

interface Asked {
  readonly text: string;
  readonly took_ms: number;
}

const sockets = temporaryDirectory();

async function startAgent(host: NetworkHost): Promise<ChildProcess> {
  const [program, ...args] = host.inside([
    process.execPath,
    '--eval',
    AGENT,
    path.join(sockets.path, host.name),
  ]);
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  await Promise.race([
    once(child.stdout, 'data'),
    once(child, 'exit').then(() => assert.fail('no agent runs')),
  ]);
  return child;
}

async function ask(from: NetworkHost, address: string, timeout_ms = ANSWER_MS): Promise<Asked> {
  const reply = await requestOverSocket(path.join(sockets.path, from.name), {
    path: `/${address}/${timeout_ms}`,
  });
  return reply.json() as Asked;
}

async function reaches(from: NetworkHost, to: NetworkHost): Promise<boolean> {
  return (await ask(from, to.address)).text === from.address;
}

/** Whether an answer comes in a time in which one would come for certain if the way was free. */
async function isCut(from: NetworkHost, to: NetworkHost): Promise<boolean> {
  return (await ask(from, to.address, 500)).text === '';
}

/** Set for the copy of this file that one of its tests starts and kills. */
const runsAsChild = 'NETWORK_CHILD';

if (process.env[runsAsChild] === undefined) {
  describeNetwork();
} else {
  void waitToBeKilled();
}

async function waitToBeKilled(): Promise<void> {
  const network = await Network.create();
  const hosts = [await network.host('one'), await network.host('two')];
  await startAgent(hosts[0] ?? assert.fail());
  await hosts[0]?.delay(5);
  process.send?.(hosts.map((host) => readlinkSync(`/proc/${host.box.init}/ns/net`)));
  setInterval(() => undefined, 1_000);
}

/** The processes that are in one of these network namespaces. */
function processesIn(namespaces: readonly string[]): readonly string[] {
  return readdirSync('/proc').filter((entry) => {
    try {
      return /^\d+$/.test(entry) && namespaces.includes(readlinkSync(`/proc/${entry}/ns/net`));
    } catch {
      return false;
    }
  });
}

function describeNetwork(): void {
  describe('a network of three hosts', () => {
    let network: Network;
    let a: NetworkHost;
    let b: NetworkHost;
    let c: NetworkHost;

    before(async () => {
      network = await Network.create();
      a = await network.host('a');
      b = await network.host('b');
      c = await network.host('c');
      await Promise.all([a, b, c].map(startAgent));
    });
    beforeEach(async () => network.heal());
    after(async () => {
      await network.destroy();
      sockets.remove();
    });

    test('carries what its hosts send each other', async () => {
      for (const [from, to] of [
        [a, b],
        [b, c],
        [c, a],
      ] as const) {
        assert.ok(await reaches(from, to), `${from.name} to ${to.name}`);
      }
    });

    test('runs programs on its hosts, with their names and addresses', async () => {
      assert.equal((await b.run(['hostname'])).stdout, 'b\n');
      assert.match((await b.run(['ip', '-4', 'address'])).stdout, /inet 10\.77\.0\.2\/24 /);
      assert.equal((await b.tryRun(['false'])).code, 1);
    });

    test('keeps a minority from a majority, until it heals', async () => {
      await network.partition([a, b], [c]);
      assert.ok(await reaches(a, b));
      assert.ok(await isCut(a, c));
      assert.ok(await isCut(c, b));
      await network.heal();
      assert.ok(await reaches(c, b));
    });

    test('blocks one direction alone', async () => {
      await network.block(a, b);
      const listen = `const s = require('node:dgram').createSocket('udp4');
        s.on('message', () => { console.log('heard'); process.exit(0); }).bind(9000);`;
      const send = (to: string): string =>
        `const s = require('node:dgram').createSocket('udp4'); s.send('x', 9000, '${to}', () => s.close());`;
      const [program, ...args] = a.inside([process.execPath, '--eval', listen]);
      const listener = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
      let heard = '';
      listener.stdout.on('data', (chunk: Buffer) => (heard += chunk.toString()));
      await waitFor(
        async () => {
          await b.run([process.execPath, '--eval', send(a.address)]);
          return heard !== '';
        },
        { what: 'a to hear b' },
      );
      // An answer needs both directions.
      assert.ok(await isCut(a, b));
      assert.ok(await isCut(b, a));
      assert.ok(await reaches(a, c));
      const { stdout } = await b.run(['iptables', '--list', 'INPUT', '--verbose', '--numeric']);
      assert.match(stdout, new RegExp(`DROP .* ${a.address.replaceAll('.', '\\.')} `));
    });

    test('gives a host another address, which blocks follow', async () => {
      const old = c.address;
      await c.changeAddress('10.77.0.77');
      assert.ok(await reaches(a, c));
      assert.equal((await ask(a, old, 500)).text, '');
      await network.block(c, a);
      await c.changeAddress('10.77.0.78');
      assert.ok(await isCut(a, c));
      await network.heal();
      assert.ok(await reaches(a, c));
    });

    test('makes what a host sends late, and what it receives not', async () => {
      const delay_ms = 300;
      await a.delay(delay_ms, 20);
      // A connection is made and used by three packets of the one who asks; two of them are waited for.
      const asked = await ask(a, b.address);
      assert.equal(asked.text, a.address);
      assert.ok(asked.took_ms >= 2 * (delay_ms - 20), `it took ${asked.took_ms} ms`);
      await a.delay(0);
      assert.ok(await reaches(a, b));
    });

    test('loses what a host sends, and TCP makes up for it', async () => {
      await b.delay(0, 0, 100);
      assert.ok(await isCut(a, b));
      await b.delay(0, 0, 20);
      await waitFor(() => reaches(a, b), { what: 'an answer over a lossy wire', timeout_ms: 30_000 });
      await b.delay(0);
    });
  });

  test('nothing of a network outlives the process that made it, not even when it is killed', async () => {
    const { child, namespaces, left } = await startMaker();
    child.kill('SIGKILL');
    await once(child, 'exit');
    await waitFor(() => processesIn(namespaces).length === 0, { what: 'the namespaces to be empty' });
    left.remove();
  });

  test('when that process is interrupted, also more than once, no files are left either', async () => {
    const { child, namespaces, left } = await startMaker();
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    child.kill('SIGINT');
    await exited;
    await waitFor(() => processesIn(namespaces).length === 0, { what: 'the namespaces to be empty' });
    assert.deepEqual(readdirSync(left.path), []);
    left.remove();
  });
}

/** A copy of this file that has made a network and waits, in a directory of its own for its files. */
async function startMaker(): Promise<{
  readonly child: ChildProcess;
  readonly namespaces: readonly string[];
  readonly left: TemporaryDirectory;
}> {
  const left = temporaryDirectory();
  const child = fork(process.argv[1] ?? '', [], {
    env: { ...process.env, [runsAsChild]: '1', TMPDIR: left.path },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    execArgv: [],
  });
  const [namespaces] = (await once(child, 'message')) as [readonly string[]];
  assert.ok(processesIn(namespaces).length > 2);
  return { child, namespaces, left };
}
