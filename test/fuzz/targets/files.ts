// SPDX-License-Identifier: Apache-2.0
// Files of the state directory.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { IDENTITY_FILE, IdentityStore } from '../../../src/cluster/identity.ts';
import { PeerUnlockFile, unlockCredentials } from '../../../src/cluster/peer-unlock-file.ts';
import { RebuildFiles } from '../../../src/cluster/rebuild-files.ts';
import { SecretValue, silentLogger } from '../../../src/common/index.ts';
import { dataKey, Keyring, sealRecord, unlockKeyId } from '../../../src/crypto/index.ts';
import { readMark, writeMark } from '../../../src/daemon/notices/notice-mark.ts';
import { exportKey, generateKey } from '../../../src/pki/index.ts';
import { DiskCheckpointFile, LOG_ORIGIN, readKeyFile } from '../../../src/storage/index.ts';
import { openEntry } from '../../../src/storage/log-chain.ts';
import { entryKey } from '../../../src/storage/places.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../../support/cleanup.ts';
import { SeededRandom } from '../../support/seeded-random.ts';
import { currentAuthority, issueTo, MANAGER } from '../../unit/pki/pki-harness.ts';
import { CANARY } from '../canary.ts';
import { codes, type FuzzTarget, jsonSeeds, stable } from '../target.ts';
import { SEED } from './seed.ts';

/** Node gives 64 KiB to a file that says it is empty, since those of /proc do. */
const EMPTY_FILE_BYTES = 128 * 1024;

const KEY = Buffer.from(CANARY.repeat(2));

/** The path of a file with these bytes, the same one each time; its directory goes with the process. */
class OneFile {
  readonly #name: string;
  #directory: TemporaryDirectory | undefined;

  constructor(name: string) {
    this.#name = name;
  }

  get directory(): string {
    this.#directory ??= temporaryDirectory();
    return this.#directory.path;
  }

  put(bytes: Buffer): string {
    const file = path.join(this.directory, this.#name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, bytes);
    return file;
  }
}

const identityFile = new OneFile(IDENTITY_FILE);
const peerUnlockFile = new OneFile('peer-unlock.json');
const planFile = new OneFile('rebuild/plan.json');
const keyFile = new OneFile('keys.json');
const checkpointFile = new OneFile('checkpoint');

function identitySeeds(): readonly Buffer[] {
  const authority = currentAuthority();
  const { certificate, key } = issueTo(authority, MANAGER);
  const content = {
    format: 1,
    ...MANAGER,
    raftId: 7,
    storeMade: true,
    certificates: [certificate],
    key: exportKey(key).toString('base64'),
    roots: [authority.certificate],
    managers: [{ nodeId: MANAGER.nodeId, raftId: 7, address: '[::1]:7373' }],
  };
  return jsonSeeds(content)();
}

const REBUILD_PLAN = {
  format: 1,
  key: KEY.toString('base64'),
  replaces: 'a',
  nodeId: 'b',
  aside: 'damaged-20260101T000000Z',
};

const PEER_UNLOCK = {
  format: 1,
  clusterId: 'c',
  nodeId: 'n',
  certificates: ['certificate'],
  key: KEY.toString('base64'),
  roots: ['root'],
  managers: ['10.0.0.1:7373'],
};

const written = (bytes: Buffer): { readonly id: string; readonly key: string } => ({
  id: dataKey(bytes).id.toString('hex'),
  key: bytes.toString('base64'),
});
const KEY_FILE = {
  format: 3,
  initialized: true,
  sealVersion: 2,
  sealedBy: 'none',
  active: dataKey(KEY).id.toString('hex'),
  keys: [written(KEY), written(Buffer.alloc(32, 1))],
  indexKey: written(Buffer.alloc(32, 2)),
};

const keyring = Keyring.generate((size) => new SeededRandom(SEED).bytes(size));
const SEQUENCE = Buffer.from([0, 0, 0, 0, 0, 0, 0, 7]);
const PLACE = Buffer.concat([Buffer.from('checkpoint'), SEQUENCE]);
const SLOT_BYTES = 4_096;

/** What is in a slot, sealed anew: as it would be with the node's own key. */
function checkpointOf(payload: Buffer): Buffer {
  const record = sealRecord(keyring, PLACE, payload.subarray(0, 300));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(record.length);
  const slot = [Buffer.from('coffer checkpoint\n'), SEQUENCE, length, record];
  return Buffer.concat(slot, 3 * SLOT_BYTES);
}

function checkpointPayload(): Buffer {
  const text = (value: string): Buffer =>
    Buffer.concat([Buffer.from([0, 0, 0, value.length]), Buffer.from(value)]);
  const numbers = Buffer.alloc(7 * 8);
  for (let at = 7; at < numbers.length; at += 8) {
    numbers[at] = 3;
  }
  return Buffer.concat([
    text('c'),
    text('n'),
    numbers.subarray(0, 40),
    Buffer.alloc(32),
    numbers.subarray(40),
  ]);
}

async function openCheckpoint(bytes: Buffer): Promise<void> {
  const { file } = await DiskCheckpointFile.open(checkpointFile.put(bytes), keyring);
  await file.close();
}

const MARK = {
  clusterId: 'c',
  index: 7,
  expiries: new Map([['i', { secretId: 'i', version: 3, expires_ms: 5, stage: 7 as const }]]),
};
const markBytes = (): Buffer => Buffer.from(writeMark(MARK).expose());

export const fileTargets: readonly FuzzTarget[] = [
  {
    name: 'cluster/identity-file',
    seeds: identitySeeds,
    refuses: codes('cluster.identity-missing', 'store.locked'),
    run: async (bytes) => {
      const file = identityFile.put(bytes);
      await new IdentityStore(path.dirname(file)).read();
    },
    cost: 8,
    memory_bytes: 1024 * 1024,
  },
  {
    name: 'cluster/peer-unlock-file',
    seeds: () => [...jsonSeeds(PEER_UNLOCK)(), Buffer.alloc(0)],
    refuses: codes('pki.certificate-invalid'),
    run: async (bytes) => {
      const file = peerUnlockFile.put(bytes);
      await new PeerUnlockFile(path.dirname(file)).read(silentLogger);
    },
    cost: 8,
    memory_bytes: EMPTY_FILE_BYTES,
  },
  {
    name: 'cluster/peer-unlock-keys',
    seeds: () => [Buffer.from(exportKey(generateKey()).toString('base64'))],
    refuses: codes('pki.certificate-invalid'),
    run: (bytes) => unlockCredentials({ ...PEER_UNLOCK, key: bytes.toString('latin1') }),
    cost: 4,
  },
  {
    name: 'cluster/rebuild-plans',
    seeds: () => [...jsonSeeds(REBUILD_PLAN)(), Buffer.alloc(0)],
    refuses: () => false,
    run: async (bytes) => {
      planFile.put(bytes);
      await new RebuildFiles(planFile.directory).plan();
    },
    cost: 8,
    memory_bytes: EMPTY_FILE_BYTES,
  },
  {
    name: 'storage/key-file',
    seeds: () => {
      const sealed = {
        ...KEY_FILE,
        sealedBy: 'unlock-key',
        unlockKeyId: unlockKeyId(SecretValue.copyOf(KEY)),
        keys: 'AAAA',
        digest: '',
      };
      return [...jsonSeeds(KEY_FILE)(), ...jsonSeeds(sealed)().slice(1)];
    },
    refuses: codes('store.damaged', 'store.locked'),
    run: async (bytes) => {
      await readKeyFile(keyFile.put(bytes));
    },
    cost: 8,
    memory_bytes: 512 * 1024,
  },
  {
    name: 'storage/checkpoints',
    seeds: () => [checkpointPayload()],
    refuses: codes('store.damaged'),
    run: (bytes) => openCheckpoint(checkpointOf(bytes)),
    cost: 16,
    size_bytes_max: 512,
    memory_bytes: 512 * 1024,
  },
  {
    name: 'storage/log-entries',
    seeds: () => [
      Buffer.concat([LOG_ORIGIN.digest, SEQUENCE.with(7, 1), SEQUENCE, Buffer.of(0), Buffer.from(CANARY)]),
    ],
    refuses: codes('store.damaged'),
    run: (bytes) => openEntry(keyring, LOG_ORIGIN, sealRecord(keyring, entryKey(1), bytes)),
    cost: 4,
    memory_bytes: 512 * 1024,
  },
  {
    name: 'daemon/notice-marks',
    seeds: () => [markBytes()],
    refuses: codes('store.damaged'),
    run: stable(
      (bytes) => readMark(SecretValue.copyOf(bytes)),
      (mark) => Buffer.from(writeMark(mark).expose()),
    ),
  },
];
