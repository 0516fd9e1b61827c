// SPDX-License-Identifier: Apache-2.0
// Three members of etcd, with TLS between them and to their clients, and otherwise as they come.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import path from 'node:path';
import { atProcessEnd, killProcess } from '../support/cleanup.ts';
import { runCommand } from '../support/command.ts';
import { freePort } from '../support/free-port.ts';
import { waitFor } from '../support/wait-for.ts';
import type { TlsFiles } from './cluster-clients.ts';
import type { ClusterUnderTest } from './cluster-under-test.ts';
import { findEtcd, versionOf } from './raft-etcd.ts';

interface Status {
  readonly leader?: string;
  readonly header: { readonly member_id: string };
}

class Member {
  readonly name: string;
  readonly port: number;
  readonly peerPort: number;
  readonly #program: string;
  readonly #directory: string;
  readonly #peers: () => string;
  #process: ChildProcess | undefined;
  #forget: () => void = () => undefined;

  constructor(
    name: string,
    ports: readonly [client: number, peer: number],
    program: string,
    directory: string,
    peers: () => string,
  ) {
    this.name = name;
    [this.port, this.peerPort] = ports;
    this.#program = program;
    this.#directory = directory;
    this.#peers = peers;
  }

  start(): void {
    const client = `https://127.0.0.1:${this.port}`;
    const peer = `https://127.0.0.1:${this.peerPort}`;
    const file = (name: string): string => path.join(this.#directory, name);
    const options = {
      name: this.name,
      'data-dir': file(this.name),
      logger: 'zap',
      'log-level': 'error',
      'log-outputs': file(`${this.name}.log`),
      'listen-client-urls': client,
      'advertise-client-urls': client,
      'listen-peer-urls': peer,
      'initial-advertise-peer-urls': peer,
      'initial-cluster': this.#peers(),
      'quota-backend-bytes': String(8 * 1024 ** 3),
      'client-cert-auth': 'true',
      'trusted-ca-file': file('ca.pem'),
      'cert-file': file('cert.pem'),
      'key-file': file('key.pem'),
      'peer-client-cert-auth': 'true',
      'peer-trusted-ca-file': file('ca.pem'),
      'peer-cert-file': file('cert.pem'),
      'peer-key-file': file('key.pem'),
    };
    const args = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
    const child = spawn(this.#program, args, { stdio: 'ignore' });
    this.#process = child;
    this.#forget();
    this.#forget = atProcessEnd(() => killProcess(child.pid));
  }

  async kill(): Promise<void> {
    const child = this.#process;
    if (child?.exitCode === null && child.signalCode === null) {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    }
    this.#forget();
  }

  /** By its gateway for JSON. */
  async status(tls: TlsFiles): Promise<Status> {
    return new Promise((resolve, reject) => {
      const options = { ...tls, host: '127.0.0.1', port: this.port, method: 'POST', timeout: 2_000 };
      const request = https.request({ ...options, agent: false, path: '/v3/maintenance/status' }, (reply) => {
        let text = '';
        reply.on('data', (chunk: Buffer) => (text += chunk.toString('utf8')));
        reply.on('error', reject);
        reply.on('end', () =>
          reply.statusCode === 200 ? resolve(JSON.parse(text) as Status) : reject(new Error(text)),
        );
      });
      request.on('timeout', () => request.destroy(new Error('no answer')));
      request.on('error', reject);
      request.end('{}');
    });
  }
}

/** Starts the cluster; resolves to why not if etcd cannot be had. */
export async function startEtcdCluster(parent: string): Promise<ClusterUnderTest | string> {
  const program = await findEtcd();
  if (program === undefined) {
    return 'there is no etcd here, and `apt-get download etcd-server` brings none';
  }
  const directory = path.join(parent, 'etcd');
  const tls = await makeCertificates(directory);
  const members: Member[] = [];
  const peers = (): string =>
    members.map(({ name, peerPort }) => `${name}=https://127.0.0.1:${peerPort}`).join(',');
  for (const name of ['e1', 'e2', 'e3']) {
    members.push(new Member(name, [await freePort(), await freePort()], program, directory, peers));
  }
  members.forEach((member) => member.start());
  const cluster: ClusterUnderTest = {
    name: `etcd ${versionOf(program)}`,
    targets: members.map(({ port }) => ({ kind: 'etcd', port, tls })),
    write: 'put',
    read: 'get, linearizable',
    leader: () =>
      waitFor(() => leaderOf(members, tls), { what: 'etcd to have a leader', timeout_ms: 30_000 }),
    stop: async () => {
      await Promise.all(members.map((member) => member.kill()));
    },
  };
  await cluster.leader();
  return cluster;
}

async function leaderOf(members: readonly Member[], tls: TlsFiles) {
  const views = await Promise.all(
    members.map(async (member) => ({ member, status: await member.status(tls) })),
  );
  const [leader, ...others] = new Set(views.map(({ status }) => status.leader ?? '0'));
  const found = views.find(({ status }) => status.header.member_id === leader)?.member;
  return found === undefined || others.length > 0
    ? undefined
    : { kill: () => found.kill(), start: () => Promise.resolve(found.start()) };
}

/** One certificate, for all members and clients: what is measured is TLS, not who is who. */
async function makeCertificates(directory: string): Promise<TlsFiles> {
  mkdirSync(directory, { recursive: true });
  const openssl = (...args: readonly string[]): Promise<unknown> =>
    runCommand(['openssl', ...args], { cwd: directory });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  await openssl('req', '-x509', ...newKey, '-subj', '/CN=ca', '-keyout', 'ca-key.pem', '-out', 'ca.pem');
  await openssl('req', '-new', ...newKey, '-subj', '/CN=member', '-keyout', 'key.pem', '-out', 'csr.pem');
  writeFileSync(
    path.join(directory, 'extensions'),
    'subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n',
  );
  const authority = ['-CA', 'ca.pem', '-CAkey', 'ca-key.pem', '-CAcreateserial'];
  await openssl('x509', '-req', '-in', 'csr.pem', ...authority, '-extfile', 'extensions', '-out', 'cert.pem');
  const read = (file: string): string => readFileSync(path.join(directory, file), 'utf8');
  return { ca: read('ca.pem'), cert: read('cert.pem'), key: read('key.pem') };
}
