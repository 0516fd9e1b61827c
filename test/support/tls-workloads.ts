// SPDX-License-Identifier: Apache-2.0
// Two programs for the containers of a test that speak mutual TLS with the files that coffer gives them. They run by this machine's
// Node, which their containers see: the test image has none.
import type { Task } from './service.ts';

/** The words by which a container sees what Node needs. */
export const NODE_MOUNTS: readonly string[] = [
  ['/usr/bin/node', '/usr/bin/node'],
  ['/lib/x86_64-linux-gnu', '/lib/x86_64-linux-gnu'],
  ['/lib64', '/lib64'],
].flatMap(([from, to]) => ['--mount', `type=bind,readonly,source=${from},target=${to}`]);

/**
 * Answers each request on PORT with the serial number of the certificate that it has, to clients of the CA alone. SIGHUP: reads its files
 * anew; SIGTERM: ends when all that it was asked is answered. /tmp/ready is there while it listens.
 */
const SERVER = `
const fs = require('fs');
const { X509Certificate } = require('crypto');
const files = () => ({
  cert: fs.readFileSync(process.env.CERT), key: fs.readFileSync(process.env.KEY), ca: fs.readFileSync(process.env.CA),
});
let serial = '';
const load = () => { const read = files(); serial = new X509Certificate(read.cert).serialNumber; return read; };
const server = require('https').createServer({ ...load(), requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.3' },
  (request, response) => setTimeout(() => response.end(serial), 20));
server.listen(Number(process.env.PORT), '127.0.0.1', () => fs.writeFileSync('/tmp/ready', ''));
process.on('SIGHUP', () => server.setSecureContext(load()));
process.on('SIGTERM', () => { fs.rmSync('/tmp/ready', { force: true }); server.close(() => process.exit(0)); });
`;

/**
 * Asks over and over, on a new connection each time, and now and then on one that stays: of several PORTS the next one where a server does not
 * listen, twice round. To one that has just ceased to listen belongs a reset before the handshake is done: the kernel resets what it has connected and the
 * server has not yet accepted, and no request was sent. Writes what came of it into /tmp/tally.
 */
const CLIENT = `
const fs = require('fs');
const https = require('https');
const [cert, key, ca] = [process.env.CERT, process.env.KEY, process.env.CA].map((file) => fs.readFileSync(file));
const ports = process.env.PORTS.split(',').map(Number);
const tally = { answered: 0, failed: [], serials: [], held: 0 };
const held = new https.Agent({ keepAlive: true, maxSockets: 1 });
const ask = (port, agent) => new Promise((resolve, reject) => {
  const asked = https.get({ host: '127.0.0.1', servername: 'localhost', port, cert, key, ca, agent, minVersion: 'TLSv1.3' }, (response) => {
    let text = '';
    if (agent === held && !asked.reusedSocket) tally.held += 1;
    response.on('data', (piece) => { text += piece; }).on('end', () => resolve(text)).on('error', reject);
  });
  let secure = false;
  asked.on('socket', (socket) => socket.once('secureConnect', () => { secure = true; }));
  asked.on('error', (error) => reject(Object.assign(error, { unheard: !secure && ['ECONNREFUSED', 'ECONNRESET'].includes(error.code) })));
});
const ended = () => fs.existsSync('/tmp/stop');
(async () => {
  process.on('SIGTERM', () => process.exit(0));
  for (let turn = 0; !ended(); turn += 1) {
    const agent = process.env.HELD === '1' && turn % 2 === 0 ? held : false;
    let problem = 'nobody listens';
    for (let at = 0; at < 2 * ports.length; at += 1) {
      try {
        const serial = await ask(ports[(turn + at) % ports.length], agent);
        problem = undefined;
        tally.answered += 1;
        if (!tally.serials.includes(serial)) tally.serials.push(serial);
        break;
      } catch (error) {
        if (!error.unheard) { problem = String(error.code ?? error.message); break; }
      }
    }
    if (problem !== undefined && (tally.answered > 0 || problem !== 'nobody listens')) tally.failed.push(problem);
    fs.writeFileSync('/tmp/tally.new', JSON.stringify(tally));
    fs.renameSync('/tmp/tally.new', '/tmp/tally');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
})();
`;

export const TLS_SERVER: readonly string[] = ['/usr/bin/node', '-e', SERVER];
export const TLS_CLIENT: readonly string[] = ['/usr/bin/node', '-e', CLIENT];

/** Asks without a certificate, and says whether it was answered. */
export function asStranger(port: string): readonly string[] {
  const script = `require('https').get({ host: '127.0.0.1', port: ${port}, rejectUnauthorized: false },
    () => console.log('answered')).on('error', (error) => console.log('refused', error.code));`;
  return ['/usr/bin/node', '-e', script];
}

/** What has come of a client's requests. */
export interface Tally {
  readonly answered: number;
  /** Why a request was not answered, once for each. */
  readonly failed: readonly string[];
  /** Of the certificates that it has met, in their order. */
  readonly serials: readonly string[];
  /** How many connections there were that are to stay. */
  readonly held: number;
}

export async function tallyOf(task: Pick<Task, 'exec'>): Promise<Tally | undefined> {
  const { stdout } = await task.exec(['sh', '-c', 'cat /tmp/tally 2>/dev/null || true']);
  return stdout === '' ? undefined : (JSON.parse(stdout) as Tally);
}
