// SPDX-License-Identifier: Apache-2.0
// The audit log within the daemon: where it lies, and what is written down that no interface asks for.
import { hostname } from 'node:os';
import path from 'node:path';
import {
  AuditFile,
  AuditLog,
  type AuditRecord,
  type AuditSink,
  checkHead,
  type HeadSigner,
  holdsLine,
  type RecordFilter,
  selectRecords,
  StreamSink,
  SyslogSink,
  verifyParts,
} from '../audit/index.ts';
import { CofferError, type Logger, withDeadline } from '../common/index.ts';
import type { AuditAdmin, AuditStatus, AuditVerifyReply } from '../control/index.ts';
import type { ReplicatedStore } from '../store/index.ts';
import { AuditHeads } from './audit-heads.ts';
import type { Notice } from '../notices/index.ts';
import { Canaries } from './canaries.ts';
import { changesOfNodes, type KnownNodes, knownNodes } from './audited-nodes.ts';
import type { Settings } from './settings.ts';
import { version } from './version.ts';

export interface AuditingOptions {
  readonly settings: Pick<Settings, 'audit' | 'stateDirectory'>;
  /** False: nothing is written down, since nobody knows where. */
  readonly isSettled: boolean;
  /** Empty while it is not known. */
  readonly nodeId: () => string;
  /** Told of each use of a canary. Default: nobody is. */
  readonly notify?: ((notice: Notice) => void) | undefined;
  /** Undefined while this node has no certificate. */
  readonly signer: () => HeadSigner | undefined;
  /** Where the unlock key came from, in a few words; asked when a sealed store is open. */
  readonly unlockedBy: () => string;
  readonly now_ms: () => number;
  readonly monotonic_ms: () => number;
  readonly logger: Logger;
}

const DIRECTORY_NAME = 'audit';
/** A place that hangs must not keep what the file has from being signed. */
const CLOSE_MS = 1_000;

export class Auditing {
  readonly #options: AuditingOptions;
  readonly #file: AuditFile | undefined;
  readonly log: AuditLog;
  readonly canaries: Canaries;
  readonly #heads: AuditHeads;
  /** Kept here: to find it out, a certificate is read. */
  #nodeId = '';
  #hasLeader: () => boolean = () => false;

  constructor(options: AuditingOptions) {
    this.#options = options;
    const { isSettled, settings } = options;
    const { keep, sinks: names, size_bytes, syslog } = settings.audit;
    const directory = path.join(settings.stateDirectory, DIRECTORY_NAME);
    this.#file =
      isSettled && names.includes('file') ? new AuditFile({ directory, keep, size_bytes }) : undefined;
    const sinks: AuditSink[] = this.#file === undefined ? [] : [this.#file];
    if (isSettled && names.includes('stdout')) {
      sinks.push(new StreamSink(process.stdout));
    }
    if (isSettled && syslog !== undefined) {
      const { monotonic_ms } = options;
      sinks.push(new SyslogSink({ ...syslog, hostname: hostname(), pid: process.pid, monotonic_ms }));
    }
    this.canaries = new Canaries({
      ...options,
      nodeId: () => this.#ownId(),
      record: (event, fields) => this.log.record(event, fields),
    });
    this.log = new AuditLog({
      ...options,
      onRecord: (event, fields) => this.canaries.look(event, fields),
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
    this.canaries.findBy((name) => store.byName(name));
    this.#hasLeader = () => replica.leader !== 0;
    const look = (): KnownNodes => knownNodes(replica.state.index.cluster);
    let known = look();
    const detach = this.#heads.attach(store, this.#nodeId);
    const unwatch = replica.watch({
      onClusterChange: () => {
        const now = look();
        for (const { event, fields } of changesOfNodes(known, now, this.#nodeId)) {
          this.log.record(event, fields);
        }
        known = now;
      },
      onLeader: () => undefined,
    });
    return () => {
      unwatch();
      detach();
    };
  }

  /** Writes what waits, and says to the others how far it is, unless none leads. The store serves still, if it ever did. */
  async stop(): Promise<void> {
    await withDeadline(
      this.log.close(),
      CLOSE_MS,
      'audit.unavailable',
      'not every place has taken the end of it',
    ).catch((thrown: unknown) =>
      this.#options.logger.warn('the audit log ends early', { reason: CofferError.from(thrown).message }),
    );
    if (this.#hasLeader()) {
      await this.#heads.publish();
    }
  }

  /** The records of this manager that match, the oldest first. */
  async select(filter: RecordFilter): Promise<readonly AuditRecord[]> {
    return selectRecords(await this.#present().parts(), filter);
  }

  /** Whether all files are whole, and hold what others know of them. */
  async verify(): Promise<AuditVerifyReply> {
    const head = this.#heads.known;
    const report = await verifyParts(await this.#present().parts(), { isWholeLog: true, head });
    const { last, problem, records } = report;
    const certificate = this.#heads.certificate;
    return {
      records,
      wholeTo: last?.at,
      problem,
      head:
        head === undefined || certificate === undefined
          ? undefined
          : { seq: head.seq, at_ms: head.at_ms, signature: checkHead(head, certificate) },
      lost: head?.lost,
    };
  }

  /** A record that was signed, and was lost before a start. */
  get lostSeq(): number | undefined {
    return this.#heads.known?.lost?.seq;
  }

  /** For the control API. */
  get admin(): AuditAdmin {
    return {
      auditor: this.log,
      select: (filter) => this.select(filter),
      verify: () => this.verify(),
      acknowledge: (lost) => this.#heads.acknowledge(lost),
    };
  }

  /** For `status`. */
  describe(): AuditStatus | undefined {
    const { problem, problems, sinks } = this.log;
    return this.#options.isSettled ? { sinks, problems, stopsDeliveries: problem !== undefined } : undefined;
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
        hint: 'Set COFFER_AUDIT=file, or read it where standard output or syslog goes.',
      });
    }
    return this.#file;
  }
}
