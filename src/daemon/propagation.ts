// SPDX-License-Identifier: Apache-2.0
// Whether what a managed plugin mounts reaches the engine.
//
// An engine that finds its plugin running, since it was killed itself, ends that process, and starts another while it still clears
// away what the first one had mounted (moby, plugin/manager.go, HandleExitEvent). It may clear away the mount that the new one was to
// spread from. The plugin is not told; but then its directory is alone in a new peer group, and the next start mends it.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import * as v from 'valibot';
import { CofferError, type Logger } from '../common/index.ts';
import { type MountPoint, readMountPoints } from '../distribution/index.ts';
import { writeFileAtomically } from '../storage/index.ts';

const FILE_NAME = 'propagation.json';
const BOOT_ID_FILE = '/proc/sys/kernel/random/boot_id';

const shape = v.strictObject({
  format: v.literal(1),
  bootId: v.string(),
  peerGroup: v.number(),
  hasAsked: v.boolean(),
});
type Remembered = v.InferOutput<typeof shape>;

export interface PropagationOptions {
  readonly stateDirectory: string;
  /** Below it is mounted what is to reach the engine. */
  readonly directory: string;
  readonly mountPoints?: () => readonly MountPoint[];
  readonly bootId?: () => Promise<string>;
  readonly logger: Logger;
}

/**
 * Whether it may not: the directory is in another peer group than at the last start since the machine's. True once, and not again at
 * the start after that: the groups may be others for a good reason. Never rejects.
 */
export async function mayBeCutOff(options: PropagationOptions): Promise<boolean> {
  const { stateDirectory, directory, logger } = options;
  const file = path.join(stateDirectory, FILE_NAME);
  try {
    const peerGroup = peerGroupOf(directory, (options.mountPoints ?? readMountPoints)());
    if (peerGroup === undefined) {
      return false;
    }
    const bootId = await (options.bootId ?? readBootId)();
    const before = await recall(file);
    const isOther = before?.bootId === bootId && before.peerGroup !== peerGroup;
    const hasAsked = isOther && !before.hasAsked;
    const record: Remembered = { format: 1, bootId, peerGroup, hasAsked };
    if (JSON.stringify(record) !== JSON.stringify(before)) {
      await writeFileAtomically(file, Buffer.from(JSON.stringify(record)));
    }
    return hasAsked;
  } catch (thrown) {
    logger.warn('whether volumes reach the engine cannot be told', {
      problem: CofferError.from(thrown).message,
    });
    return false;
  }
}

/** That of the mount in which the directory is. */
function peerGroupOf(directory: string, points: readonly MountPoint[]): number | undefined {
  const around = points.filter(({ path: at }) => at === '/' || `${directory}/`.startsWith(`${at}/`));
  return around.toSorted((one, other) => one.path.length - other.path.length).at(-1)?.peerGroup;
}

async function readBootId(): Promise<string> {
  return (await readFile(BOOT_ID_FILE, 'utf8')).trim();
}

/** Undefined: there is no such file, or none that can be understood. */
async function recall(file: string): Promise<Remembered | undefined> {
  try {
    return v.parse(shape, JSON.parse(await readFile(file, 'utf8')));
  } catch {
    return undefined;
  }
}
