// SPDX-License-Identifier: Apache-2.0
// What a locked manager has to be unlocked by the others: a key and a certificate for that alone, in the clear beside its sealed
// identity; whom it believes; and where the others are. One file, that is replaced as a whole.
import { rm } from 'node:fs/promises';
import path from 'node:path';
import * as v from 'valibot';
import { CofferError, type Logger, parseJson, systemErrorCode } from '../common/index.ts';
import { MANAGERS_MAX, PEM_BYTES_MAX, TEXT_BYTES_MAX } from '../membership/index.ts';
import { importKey } from '../pki/index.ts';
import { readTextIfThere, syncDirectory, writeFileAtomically } from '../storage/index.ts';
import type { TlsCredentials } from '../transport/index.ts';

const FORMAT = 1;
const FILE = 'peer-unlock.json';
const FILE_BYTES_MAX = 256 * 1024;

const text = v.pipe(v.string(), v.maxLength(TEXT_BYTES_MAX));
const pems = v.pipe(v.array(v.pipe(v.string(), v.maxLength(PEM_BYTES_MAX))), v.minLength(1), v.maxLength(4));

const contentSchema = v.strictObject({
  format: v.literal(FORMAT),
  clusterId: text,
  nodeId: text,
  /** PEM: that of the key, then those up to a root. */
  certificates: pems,
  /** PKCS#8 DER, in base64. */
  key: v.pipe(v.string(), v.maxLength(1_024), v.base64()),
  roots: pems,
  /** `host:port` of the other managers, as they were last known. */
  managers: v.pipe(v.array(text), v.maxLength(MANAGERS_MAX)),
});

export type PeerUnlockContent = Readonly<Omit<v.InferOutput<typeof contentSchema>, 'format'>>;

export class PeerUnlockFile {
  readonly #file: string;

  constructor(stateDirectory: string) {
    this.#file = path.join(stateDirectory, FILE);
  }

  /** Undefined if there is none, and, with a word in the log, if it is not what was written. */
  async read(logger: Logger): Promise<PeerUnlockContent | undefined> {
    const content = await readTextIfThere(this.#file);
    if (content === undefined) {
      return undefined;
    }
    const parsed = v.safeParse(contentSchema, parseJson(content.slice(0, FILE_BYTES_MAX)));
    if (!parsed.success) {
      logger.warn('what the other managers know this one by cannot be read', { file: this.#file });
      return undefined;
    }
    const { certificates, clusterId, key, managers, nodeId, roots } = parsed.output;
    return { clusterId, nodeId, certificates, key, roots, managers };
  }

  /** Durably, and in one piece. */
  async write(content: PeerUnlockContent): Promise<void> {
    const bytes = Buffer.from(`${JSON.stringify({ format: FORMAT, ...content }, undefined, 1)}\n`);
    await writeFileAtomically(this.#file, bytes);
  }

  /** Durably, if it is there. */
  async remove(): Promise<void> {
    try {
      await rm(this.#file);
    } catch (thrown) {
      if (systemErrorCode(thrown) === 'ENOENT') {
        return;
      }
      throw CofferError.from(thrown, 'store.faulted');
    }
    await syncDirectory(path.dirname(this.#file));
  }
}

/** Throws `pki.certificate-invalid` for a key that is none. */
export function unlockCredentials({ certificates, key, roots }: PeerUnlockContent): TlsCredentials {
  return {
    certificate: certificates.join(''),
    key: importKey(Buffer.from(key, 'base64')).export({ type: 'pkcs8', format: 'pem' }),
    roots,
  };
}
