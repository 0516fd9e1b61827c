// SPDX-License-Identifier: Apache-2.0
// A daemon that says what a test says, and remembers what it was asked.
import type {
  DaemonStatus,
  LedgerEntry,
  NodeDescription,
  RotationDescription,
  SecretDescription,
} from '../../../src/control/index.ts';
import { CofferError } from '../../../src/common/index.ts';
import type { Daemon, RotationWish, ShownRecord } from '../../../src/ui/index.ts';

export const NOW_MS = Date.UTC(2026, 0, 15, 12);
const HOUR_MS = 3_600_000;

export function aSecret(name: string, over: Partial<SecretDescription> = {}): SecretDescription {
  return {
    id: 'a'.repeat(25),
    name,
    labels: {},
    origin: 'control',
    pending: false,
    version: 3,
    size: 12,
    versions: [2, 3].map((number) => ({ number, createdAt_ms: NOW_MS - HOUR_MS, size: 12 })),
    destroyed: [{ number: 1, createdAt_ms: NOW_MS - 2 * HOUR_MS, size: 9, destroyedAt_ms: NOW_MS - HOUR_MS }],
    createdAt_ms: NOW_MS - 2 * HOUR_MS,
    updatedAt_ms: NOW_MS - HOUR_MS,
    ...over,
  };
}

export function aHolder(secret: string, number: number, over: Partial<LedgerEntry> = {}): LedgerEntry {
  return {
    secret,
    version: 3,
    current: 3,
    state: 'current',
    pinned: false,
    via: 'secret',
    service: { id: 'service-web', name: 'web' },
    task: `task${number}`.padEnd(25, '0'),
    node: { id: `node-id-${number}`, hostname: `worker-${number}` },
    givenAt_ms: NOW_MS - HOUR_MS,
    ...over,
  };
}

export function aManager(name: string, over: Partial<NodeDescription> = {}): NodeDescription {
  return {
    id: `id-${name}`,
    hostname: name,
    role: 'manager',
    status: 'ready',
    leader: false,
    voter: true,
    self: false,
    address: `${name}:7373`,
    engineNodeId: '',
    joinedAt_ms: NOW_MS - HOUR_MS,
    certificate: { notAfter_ms: NOW_MS + 90 * 24 * HOUR_MS, authorityDigest: 'digest' },
    matchIndex: 100,
    ...over,
  };
}

export function aRotation(over: Partial<RotationDescription> = {}): RotationDescription {
  return {
    id: 'r'.repeat(25),
    secret: 'db',
    fromVersion: 3,
    toVersion: 4,
    phase: 'updating',
    timeout_ms: 600_000,
    services: [
      { id: 's1', name: 'api', state: 'updated' },
      { id: 's2', name: 'web', state: 'updating' },
    ],
    begunAt_ms: NOW_MS - 5_000,
    ...over,
  };
}

const STATUS: DaemonStatus = {
  version: '1.2.3',
  state: 'serving',
  uptime_ms: HOUR_MS,
  mode: 'process',
  driverName: 'coffer',
  sockets: { plugin: '/p', gateway: '/g', control: '/c' },
  stateDirectory: '/s',
  audit: { sinks: ['file'], problems: [], stopsDeliveries: false },
};

export class PlayedDaemon implements Daemon {
  readonly asked: string[] = [];
  stored: readonly SecretDescription[] = [];
  holders: readonly LedgerEntry[] = [];
  managers: readonly NodeDescription[] = [];
  remembered: readonly RotationDescription[] = [];
  written: readonly ShownRecord[] = [];
  state: DaemonStatus = STATUS;
  wish: RotationWish | undefined;
  /** When set, every call rejects with it. */
  problem: CofferError | undefined;

  status = () => this.#answer('status', this.state);
  checks = () =>
    this.#answer('checks', [
      { name: 'store', level: 'ok' as const, message: 'it is whole' },
      { name: 'clock', level: 'warning' as const, message: 'it is <b>slow</b>', mend: 'chronyc makestep' },
    ]);
  cluster = () =>
    this.#answer('cluster', {
      id: 'c',
      createdAt_ms: NOW_MS,
      managers: 3,
      workers: 0,
      voters: 3,
      quorum: 2,
      reachableVoters: 3,
      leader: { id: 'id-one', hostname: 'one' },
      certificateLifetime_ms: HOUR_MS,
      revoked: 0,
      warnings: [],
    });
  nodes = () => this.#answer('nodes', this.managers);
  authority = () =>
    this.#answer('authority', { digest: 'd'.repeat(64), certificates: 'PEM', notAfter_ms: NOW_MS + HOUR_MS });
  autolock = () =>
    this.#answer('autolock', { enabled: true, version: 1, sealedHere: true, freshness: 'local' as const });
  backups = () => this.#answer('backups', { directory: '/b', running: false, files: [] });
  secrets = () => this.#answer('secrets', { secrets: this.stored, freshness: 'linearizable' as const });
  rotations = (secret?: string) =>
    this.#answer('rotations', {
      rotations: this.remembered.filter((one) => secret === undefined || one.secret === secret),
      freshness: 'linearizable' as const,
    });
  verifyAudit = () => this.#answer('verifyAudit', { records: 7, wholeTo: '2026-01-15T11:59:00.000Z' });
  cancelRotation = (secret: string) => this.#answer('cancelRotation', { rotation: aRotation({ secret }) });
  why = () => this.#answer('why', { targets: [], healthy: true, findings: [], subjects: [] });

  secret = (name: string) => {
    const secret = this.stored.find((one) => one.name === name);
    if (secret === undefined) {
      return Promise.reject(new CofferError('secret.not-found', `there is no secret ${name}`));
    }
    return this.#answer('secret', { secret, freshness: 'linearizable' as const });
  };

  ledger = (secret?: string) => {
    const entries = this.holders.filter((holder) => secret === undefined || holder.secret === secret);
    return this.#answer('ledger', { entries, gaps: [], freshness: 'linearizable' as const });
  };

  audit = ({ tail }: { readonly tail: number }) => this.#answer('audit', this.written.slice(-tail));

  rotate = (secret: string, wish: RotationWish) => {
    this.wish = wish;
    return this.#answer('rotate', { rotation: aRotation({ secret }) });
  };

  #answer<T>(call: string, reply: T): Promise<T> {
    this.asked.push(call);
    return this.problem === undefined ? Promise.resolve(reply) : Promise.reject(this.problem);
  }
}
