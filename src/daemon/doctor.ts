// SPDX-License-Identifier: Apache-2.0
// What the daemon finds right or wrong with itself and its engine: one line each, with the mend.
import { CofferError } from '../common/index.ts';
import type { Check, ScheduledBackupsReply } from '../control/index.ts';
import type { Auditing } from './auditing.ts';
import { auditChecks } from './doctor-audit.ts';
import { certificateChecks } from './doctor-certificate.ts';
import type { PeerUnlockState } from '../cluster/index.ts';
import { counted } from '../wording/index.ts';
import { type ClusterDoctorOptions, clusterChecks } from './doctor-cluster.ts';
import { type RotationFacts, secretRotationChecks } from './doctor-rotations.ts';
import { canaryChecks } from './doctor-canaries.ts';
import { expiryChecks } from './doctor-expiry.ts';
import { missingValues } from './doctor-secrets.ts';
import { readWorkloadCertificates, workloadChecks } from './doctor-workloads.ts';
import { shortList } from './doctor-words.ts';
import { upkeepChecks } from './doctor-upkeep.ts';
import type { UnlockKeyPlace } from './settings.ts';
import type { StoreKeeper } from './store-keeper.ts';
import { peerUnlockChecks } from './doctor-peer-unlock.ts';
import type { UnlockKeySource } from './unlocking.ts';

const LOW_DISK_BYTES = 512 * 1024 * 1024;

export interface DoctorOptions extends ClusterDoctorOptions {
  readonly keeper: StoreKeeper;
  readonly unlockKeySource: () => UnlockKeySource | undefined;
  readonly peerUnlock?: () => PeerUnlockState;
  readonly audit?: Pick<Auditing, 'canaries' | 'describe' | 'lostSeq'>;
  readonly driverName: () => string;
  /** Why the port for monitors does not listen. */
  readonly monitoringProblem?: () => string | undefined;
  /** Why the last notice was not taken. */
  readonly noticeProblem?: () => string | undefined;
  readonly rotations?: () => RotationFacts;
  readonly backups: () => Promise<ScheduledBackupsReply>;
  readonly staleUnlockKeys: () => Promise<readonly UnlockKeyPlace[]>;
}

/** Looks at the store, the disk, the cluster, the engine and the secrets that the engine has of coffer. */
export async function examine(options: DoctorOptions): Promise<readonly Check[]> {
  const [cluster, engine, upkeep] = await Promise.all([
    clusterChecks(options),
    engineChecks(options),
    upkeepChecks(options),
  ]);
  return [
    storeCheck(options.keeper),
    ...valueChecks(options.keeper),
    ...keyChecks(options),
    ...peerUnlockChecks(options.keeper, options.peerUnlock?.()),
    ...upkeep,
    ...rotationChecks(options),
    ...secretChecks(options),
    ...(options.audit === undefined ? [] : canaryChecks(options.audit.canaries.seen)),
    ...diskChecks(options.keeper),
    ...auditChecks(options.audit?.describe(), options.audit?.lostSeq),
    ...monitoringChecks(options.monitoringProblem?.()),
    ...noticeChecks(options.noticeProblem?.()),
    ...certificateChecks(options.place(), Date.now()),
    ...cluster,
    ...engine,
  ];
}

function rotationChecks({ keeper, rotations }: DoctorOptions): readonly Check[] {
  return keeper.reason !== undefined || rotations === undefined
    ? []
    : secretRotationChecks(rotations(), Date.now());
}

/** Nothing is said while the index of the secrets is being loaded. */
function secretChecks({ keeper: { reason, source } }: DoctorOptions): readonly Check[] {
  if (reason !== undefined || source().status().loaded_percent !== undefined) {
    return [];
  }
  const now_ms = Date.now();
  return [
    ...workloadChecks(readWorkloadCertificates(source(), now_ms), now_ms),
    ...expiryChecks(source().list(), now_ms),
  ];
}

function storeCheck({ reason, source }: StoreKeeper): Check {
  if (reason?.code === 'cluster.not-a-manager') {
    return { name: 'store', level: 'ok', message: `${reason.detail}; there is nothing to serve here` };
  }
  if (reason !== undefined) {
    return { name: 'store', level: 'failure', message: reason.detail, mend: reason.hint };
  }
  const { secrets, lastIndex, loaded_percent } = source().status();
  const loading =
    loaded_percent === undefined
      ? ''
      : `; its index is still being loaded (${loaded_percent} %), until then nothing can be listed`;
  return {
    name: 'store',
    level: 'ok',
    message: `serves ${counted(secrets, 'secret')}; its log ends with entry ${lastIndex}${loading}`,
  };
}

function valueChecks({ scrub }: StoreKeeper): readonly Check[] {
  if (scrub === undefined) {
    return [];
  }
  if (scrub.damagedCount > 0) {
    return [
      {
        name: 'values',
        level: 'failure',
        message: `${counted(scrub.damagedCount, 'damaged value')}: ${shortList(scrub.damaged)}`,
        mend: 'Store each of them again with docker coffer put, and find out what is wrong with the disk.',
      },
    ];
  }
  const soFar = scrub.finished ? '' : ', others are still to be';
  return [
    {
      name: 'values',
      level: 'ok',
      message: `${counted(scrub.examined, 'value')} opened since the start${soFar}, none is damaged`,
    },
  ];
}

/** Whether whoever takes the disk has what opens it. */
function keyChecks({ keeper, unlockKeySource }: DoctorOptions): readonly Check[] {
  const name = 'data key';
  if (keeper.reason !== undefined) {
    return [];
  }
  if (!keeper.source().status().dataKeySealed) {
    const message =
      'autolock is off: the data key lies in the clear beside the data (docker coffer autolock on seals it)';
    return [{ name, level: 'ok', message }];
  }
  const source = unlockKeySource();
  if (source?.besideData === true) {
    return [
      {
        name,
        level: 'warning',
        message: `the data key is sealed, and the unlock key that opens it lies on the same disk, in ${source.file}`,
        mend: 'Keep it elsewhere: type it with docker coffer unlock, or have systemd hand it over as an encrypted credential.',
      },
    ];
  }
  const from = source === undefined ? '' : `, which is read from ${source.file} at each start`;
  return [{ name, level: 'ok', message: `autolock is on: the data key is sealed by the unlock key${from}` }];
}

/** Nothing is said of a port that listens, or is not wished for. */
function monitoringChecks(problem: string | undefined): readonly Check[] {
  const message = `monitors are not answered: ${problem}`;
  const mend = 'Set COFFER_METRICS_ADDRESS to an address of this machine whose port is free.';
  return problem === undefined ? [] : [{ name: 'monitoring', level: 'warning', message, mend }];
}

function noticeChecks(problem: string | undefined): readonly Check[] {
  const message = `notices are not taken by their receiver, and are sent again: ${problem}`;
  const mend = 'Look at the receiver, at COFFER_WEBHOOK_URL, and at the file of COFFER_WEBHOOK_TOKEN_FILE.';
  return problem === undefined ? [] : [{ name: 'notices', level: 'warning', message, mend }];
}

function diskChecks({ reason, source }: StoreKeeper): readonly Check[] {
  if (reason !== undefined) {
    return [];
  }
  const free = source().status().diskFree_bytes;
  const message = `${Math.floor(free / 1024 / 1024)} MiB are free for the state directory`;
  return free < LOW_DISK_BYTES
    ? [{ name: 'disk', level: 'warning', message, mend: 'Free some space, before new secrets are refused.' }]
    : [{ name: 'disk', level: 'ok', message }];
}

async function engineChecks({ engine, keeper, driverName }: DoctorOptions): Promise<readonly Check[]> {
  try {
    const info = await engine.info();
    const version = `the engine ${info.serverVersion} answers`;
    if (info.swarmState === 'inactive') {
      return [
        {
          name: 'engine',
          level: 'ok',
          message: `${version}; it is not in a swarm, so coffer alone keeps the secrets`,
        },
      ];
    }
    if (!info.controlAvailable) {
      return [
        {
          name: 'engine',
          level: 'warning',
          message: `${version}; it is no swarm manager (its swarm is ${info.swarmState}), and only a manager's plugin is asked for secrets`,
          mend: 'Use the docker commands on a manager; on a worker nothing is to be done.',
        },
      ];
    }
    const checks: Check[] = [{ name: 'engine', level: 'ok', message: `${version}; it is a swarm manager` }];
    return keeper.reason === undefined
      ? [...checks, await missingValues(engine, keeper.source(), driverName())]
      : checks;
  } catch (thrown) {
    const { detail, hint } = CofferError.from(thrown, 'engine.unreachable');
    return [
      {
        name: 'engine',
        level: 'failure',
        message: detail,
        mend:
          hint ??
          'Start the engine, or set COFFER_ENGINE_SOCKET (a managed plugin: engine.source) to its socket.',
      },
    ];
  }
}
