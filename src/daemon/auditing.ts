// SPDX-License-Identifier: Apache-2.0
// The audit log within the daemon: where it lies, and what is written down that no interface asks for.
import path from 'node:path';
import {
  AuditFile,
  AuditLog,
  type AuditRecord,
  type AuditSink,
  type ChainReport,
  type HeadSigner,
  holdsLine,
  type RecordFilter,
  selectRecords,
  StreamSink,
  verifyParts,
} from '../audit/index.ts';
import { CofferError, type Logger } from '../common/index.ts';
import type { AuditHeadObject, NodeObject } from '../membership/index.ts';
import type { ReplicatedStore } from '../store/index.ts';
import { AuditHeads } from './audit-heads.ts';
import type { Settings } from './settings.ts';
import { version } from './version.ts';

export interface AuditingOptions {
  readonly settings: Pick<Settings, 'audit' | 'stateDirectory'>;
  /** False: nothing is written down, since nobody knows where. */
  readonly isSettled: boolean;
  /** Empty while it is not known. */
  readonly nodeId: () => string;
  /** Undefined while this node has no certificate. */
  readonly signer: () => HeadSigner | undefined;
  /** Where the unlock key came from, in a few words; asked when a sealed store is open. */
  readonly unlockedBy: () => string;
  readonly now_ms: () => number;
  readonly monotonic_ms: () => number;
  readonly logger: Logger;
}

export interface Verified {
  readonly report: ChainReport;
  /** What this manager has signed last; undefined as long as it has not. */
  readonly head: AuditHeadObject | undefined;
}

const DIRECTORY_NAME = 'audit';

export class Auditing {
  readonly #options: AuditingOptions;
  readonly #file: AuditFile | undefined;
  readonly log: AuditLog;
  readonly #heads: AuditHeads;
  /** Kept here: to find it out, a certificate is read. */
  #nodeId = '';

  constructor(options: AuditingOptions) {
    this.#options = options;
    const { isSettled, settings } = options;
    const { keep, sinks: names, size_bytes } = settings.audit;
    const directory = path.join(settings.stateDirectory, DIRECTORY_NAME);
    this.#file =
      isSettled && names.includes('file') ? new AuditFile({ directory, keep, size_bytes }) : undefined;
    const sinks: AuditSink[] = this.#file === undefined ? [] : [this.#file];
    if (isSettled && names.includes('stdout')) {
      sinks.push(new StreamSink(process.stdout));
    }
    this.log = new AuditLog({
      ...options,
      sinks,
      node: () => this.#ownId(),
      version,
      onRotated: () => void this.#heads.publish(),
    });
    this.#heads = new AuditHeads({
      ...options,
      log: this.log,
      holds: async (head) => holdsLine(await this.#present().parts(), head),
    });
  }

  /** The store serves. What is returned ends what watches it. */
  attach(store: ReplicatedStore): () => void {
    this.#nodeId = store.replica.identity.nodeId;
    if (store.status().dataKeySealed) {
      this.log.record('unlock', { detail: this.#options.unlockedBy() });
    }
    const { replica } = store;
    const nodes = (): ReadonlyMap<string, NodeObject> =>
      new Map(replica.state.index.cluster.nodes().map((node) => [node.id, node]));
    let known = nodes();
    const detach = this.#heads.attach(store, this.#nodeId);
    const unwatch = replica.watch({
      onClusterChange: () => {
        const now = nodes();
        this.#compare(known, now);
        known = now;
      },
      onLeader: () => undefined,
    });
    return () => {
      unwatch();
      detach();
    };
  }

  /** Writes what waits, and says to the others how far it is. The store serves still, if it ever did. */
  async stop(): Promise<void> {
    await this.log.close();
    await this.#heads.publish();
  }

  /** The records of this manager that match, the oldest first. */
  async select(filter: RecordFilter): Promise<readonly AuditRecord[]> {
    return selectRecords(await this.#present().parts(), filter);
  }

  /** Whether all files are whole, and hold what others know of them. */
  async verify(): Promise<Verified> {
    const head = this.#heads.known;
    return { head, report: await verifyParts(await this.#present().parts(), { isWholeLog: true, head }) };
  }

  #ownId(): string {
    if (this.#nodeId === '') {
      this.#nodeId = this.#options.nodeId();
    }
    return this.#nodeId;
  }

  #present(): AuditFile {
    if (this.#file === undefined) {
      throw new CofferError('request.not-found', 'this manager keeps no file of its audit log', {
        hint: 'Set COFFER_AUDIT=file, or read it where standard output goes.',
      });
    }
    return this.#file;
  }

  #compare(before: ReadonlyMap<string, NodeObject>, now: ReadonlyMap<string, NodeObject>): void {
    for (const node of now.values()) {
      const known = before.get(node.id);
      const detail = `${node.role} ${node.hostname}`;
      if (known === undefined) {
        this.log.record('join', { to: node.id, detail });
      } else if (known.role !== node.role) {
        this.log.record('set-role', { to: node.id, detail });
      }
    }
    for (const node of before.values()) {
      if (!now.has(node.id)) {
        this.log.record('remove-node', { to: node.id, detail: `${node.role} ${node.hostname}` });
      }
    }
  }
}
