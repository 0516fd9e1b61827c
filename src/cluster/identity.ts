// SPDX-License-Identifier: Apache-2.0
// Who this node is to its cluster, as it is kept beside the store: one file that is replaced as a whole, so that key,
// certificate and roots always belong together.
import { rm } from 'node:fs/promises';
import path from 'node:path';
import * as v from 'valibot';
import { CofferError, parseJson, type SecretValue } from '../common/index.ts';
import { PEM_BYTES_MAX, ROLES, TEXT_BYTES_MAX } from '../membership/index.ts';
import {
  describeCertificate,
  importKey,
  type NodeDescription,
  publicKeyFingerprint,
  splitPemBundle,
} from '../pki/index.ts';
import { makePrivateDirectory, readTextIfThere, writeFileAtomically } from '../storage/index.ts';
import type { TlsCredentials } from '../transport/index.ts';
import { type KeyForm, keyOf, sealedKeySchema, writtenKey } from './identity-key.ts';

const FORMAT = 1;
/** Its name in the state directory. */
export const IDENTITY_FILE = 'identity.json';
const FILE_BYTES_MAX = 256 * 1024;

const text = v.pipe(v.string(), v.maxLength(TEXT_BYTES_MAX));
const pem = v.pipe(v.string(), v.maxLength(PEM_BYTES_MAX));

const managerSchema = v.strictObject({
  nodeId: text,
  raftId: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
  address: text,
});

const identitySchema = v.strictObject({
  format: v.literal(FORMAT),
  clusterId: text,
  nodeId: text,
  role: v.picklist(ROLES),
  raftId: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  /**
   * Whether the store of this identity was made: it is never made twice, since a node must not forget its votes. Of a
   * worker: whether that store is there still, from when it was a manager.
   */
  storeMade: v.boolean(),
  certificates: v.pipe(v.array(pem), v.minLength(1), v.maxLength(4)),
  /** In the clear: while autolock is off, and while it is being turned on or off. */
  key: v.optional(v.pipe(v.string(), v.maxLength(1_024), v.base64())),
  /** Two while the unlock key changes. */
  sealedKeys: v.optional(v.pipe(v.array(sealedKeySchema), v.maxLength(2))),
  roots: v.pipe(v.array(pem), v.minLength(1), v.maxLength(4)),
  managers: v.pipe(v.array(managerSchema), v.maxLength(64)),
});

/** A manager as others reach it. */
export type ManagerContact = Readonly<v.InferOutput<typeof managerSchema>>;
export const managersSchema = v.pipe(v.array(managerSchema), v.maxLength(64));

export interface NodeIdentityFile {
  readonly clusterId: string;
  readonly nodeId: string;
  readonly role: (typeof ROLES)[number];
  /** 0: a worker. */
  readonly raftId: number;
  readonly storeMade: boolean;
  /** PEM: the node's own, then those up to a root. */
  readonly certificates: readonly string[];
  /** PKCS#8 DER. */
  readonly key: Buffer;
  /** PEM of those that are trusted. */
  readonly roots: readonly string[];
  /** The managers as they were last known: whom to call before the state says who they are. */
  readonly managers: readonly ManagerContact[];
}

/** The file in the state directory. */
export class IdentityStore {
  readonly #file: string;
  readonly #writeFile: typeof writeFileAtomically;
  #forms: readonly KeyForm[] = ['clear'];
  #last: Promise<void> = Promise.resolve();

  constructor(stateDirectory: string, writeFile: typeof writeFileAtomically = writeFileAtomically) {
    this.#file = path.join(stateDirectory, IDENTITY_FILE);
    this.#writeFile = writeFile;
  }

  /** How a manager's key is written from now on: in each of these forms, any of which is enough to read it. */
  keepKeyAs(...forms: readonly KeyForm[]): void {
    this.#forms = forms;
  }

  /**
   * Undefined if there is none; throws `cluster.identity-missing` if it cannot be understood, and `store.locked` if its key is
   * sealed by another key than `unlockKey`.
   */
  async read(unlockKey?: SecretValue): Promise<NodeIdentityFile | undefined> {
    const content = await this.#content();
    if (content === undefined) {
      return undefined;
    }
    const { clusterId, nodeId, role, raftId, storeMade, certificates, roots, managers } = content;
    const key = keyOf(content, unlockKey);
    if (key === undefined) {
      throw new CofferError('store.locked', 'this node is locked: the key of its certificate is sealed', {
        hint: 'Unlock it on this node: docker coffer unlock',
      });
    }
    const identity = {
      clusterId,
      nodeId,
      role,
      raftId,
      storeMade,
      certificates,
      key,
      roots,
      managers,
    };
    checkIdentity(identity, this.#file);
    return identity;
  }

  /** The ids of the unlock keys, any of which opens it; none if it needs none. Throws `cluster.identity-missing`. */
  async sealedBy(): Promise<readonly string[]> {
    const content = await this.#content();
    return content?.key === undefined
      ? (content?.sealedKeys ?? []).map(({ unlockKeyId }) => unlockKeyId)
      : [];
  }

  /** Durably, and in one piece; what is written last stays. */
  write(identity: NodeIdentityFile): Promise<void> {
    const written = this.#last.then(() => this.#write(identity));
    this.#last = written.catch(() => undefined);
    return written;
  }

  async #content(): Promise<v.InferOutput<typeof identitySchema> | undefined> {
    const text = await readTextIfThere(this.#file);
    if (text === undefined) {
      return undefined;
    }
    const parsed = v.safeParse(identitySchema, parseJson(text.slice(0, FILE_BYTES_MAX)));
    if (!parsed.success) {
      throw identityProblem(`${this.#file} is not what was written`);
    }
    return parsed.output;
  }

  async #write(identity: NodeIdentityFile): Promise<void> {
    await makePrivateDirectory(path.dirname(this.#file));
    const { key, ...rest } = identity;
    // A worker is not told of the unlock key's changes.
    const forms = identity.role === 'worker' ? (['clear'] as const) : this.#forms;
    const content = { format: FORMAT, ...rest, ...writtenKey(key, forms) };
    await this.#writeFile(this.#file, Buffer.from(`${JSON.stringify(content, undefined, 1)}\n`));
  }

  async remove(): Promise<void> {
    await rm(this.#file, { force: true });
  }
}

/** What the node's certificate says. */
export function certificateOf({ certificates }: NodeIdentityFile): NodeDescription {
  return describeCertificate(certificates[0] ?? '');
}

export function credentialsOf({ certificates, key, roots }: NodeIdentityFile): TlsCredentials {
  return {
    certificate: certificates.join(''),
    key: importKey(key).export({ type: 'pkcs8', format: 'pem' }),
    roots,
  };
}

export function identityProblem(sentence: string): CofferError {
  return new CofferError('cluster.identity-missing', sentence, {
    hint: 'Put it back from a copy of the state directory, or set COFFER_REENROL=on for one start.',
  });
}

/** Key and certificate belong together, and say what the file says. */
function checkIdentity(identity: NodeIdentityFile, file: string): void {
  try {
    const { publicKeyFingerprint: certified, subject } = certificateOf(identity);
    const { clusterId, nodeId, role } = identity;
    const sameNode = subject.clusterId === clusterId && subject.nodeId === nodeId && subject.role === role;
    if (sameNode && certified === publicKeyFingerprint(importKey(identity.key))) {
      identity.roots.forEach(splitPemBundle);
      return;
    }
  } catch (thrown) {
    throw identityProblem(`${file} is damaged: ${CofferError.from(thrown).detail}`);
  }
  throw identityProblem(`the certificate in ${file} belongs to another node or key`);
}
