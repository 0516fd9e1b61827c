// SPDX-License-Identifier: Apache-2.0
// How far the rebuild of a manager is, as its disk knows it: what is there decides what the next start does.
import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import * as v from 'valibot';
import { CofferError, systemErrorCode } from '../common/index.ts';
import { TEXT_BYTES_MAX } from '../membership/index.ts';
import { makePrivateDirectory, syncDirectory, writeFileAtomically } from '../storage/index.ts';
import { IdentityStore, type NodeIdentityFile } from './identity.ts';

const FORMAT = 1;
const DIRECTORY = 'rebuild';
const PLAN = 'plan.json';
const text = v.pipe(v.string(), v.maxLength(TEXT_BYTES_MAX));

const planSchema = v.strictObject({
  format: v.literal(FORMAT),
  key: v.optional(v.pipe(v.string(), v.maxLength(1_024), v.base64())),
  replaces: v.optional(text),
  nodeId: v.optional(text),
  aside: v.pipe(v.string(), v.regex(/^damaged-[0-9TZ]+$/)),
});

export interface RebuildPlan {
  /** PKCS#8 DER, until the new identity is in place: whoever asks again with the same key is given the same identity. */
  readonly key: Buffer | undefined;
  /** The id that the node had, as far as it knows. */
  readonly replaces: string | undefined;
  /** The id that it has now: the new identity is in place. */
  readonly nodeId: string | undefined;
  /** The name of the directory, in the state directory, that takes what was there before. */
  readonly aside: string;
}

/** A directory of their own in the state directory. */
export class RebuildFiles {
  readonly #directory: string;
  readonly #agreed: IdentityStore;

  constructor(stateDirectory: string) {
    this.#directory = path.join(stateDirectory, DIRECTORY);
    this.#agreed = new IdentityStore(this.#directory);
  }

  /** Undefined if there is none, or none that can be read: then nothing was done yet that could not be begun anew. */
  async plan(): Promise<RebuildPlan | undefined> {
    try {
      const content: unknown = JSON.parse(await readFile(this.#file, 'utf8'));
      const { aside, key, nodeId, replaces } = v.parse(planSchema, content);
      return { aside, key: key === undefined ? undefined : Buffer.from(key, 'base64'), nodeId, replaces };
    } catch (thrown) {
      if (systemErrorCode(thrown) === undefined || systemErrorCode(thrown) === 'ENOENT') {
        return undefined;
      }
      throw CofferError.from(thrown, 'store.faulted');
    }
  }

  /** What the others have agreed to: this node's new identity. Undefined until then, and once it is in place. */
  agreed(): Promise<NodeIdentityFile | undefined> {
    return this.#agreed.read();
  }

  async writePlan({ aside, key, nodeId, replaces }: RebuildPlan): Promise<void> {
    await makePrivateDirectory(this.#directory);
    const content = {
      format: FORMAT,
      aside,
      ...(key !== undefined && { key: key.toString('base64') }),
      ...(nodeId !== undefined && { nodeId }),
      ...(replaces !== undefined && { replaces }),
    };
    await writeFileAtomically(this.#file, Buffer.from(`${JSON.stringify(content, undefined, 1)}\n`));
  }

  writeAgreed(identity: NodeIdentityFile): Promise<void> {
    return this.#agreed.write(identity);
  }

  /** The new identity is in place: its key is kept there alone from now on. */
  async installed(plan: RebuildPlan, nodeId: string): Promise<RebuildPlan> {
    const done = { ...plan, key: undefined, nodeId };
    await this.writePlan(done);
    await this.#agreed.remove();
    return done;
  }

  async remove(): Promise<void> {
    await rm(this.#directory, { recursive: true, force: true });
    await syncDirectory(path.dirname(this.#directory));
  }

  get #file(): string {
    return path.join(this.#directory, PLAN);
  }
}
