// SPDX-License-Identifier: Apache-2.0
// Faults of the disk that has coffer's state. They concern the engine only where it writes about its plugins.
import type { FaultSetting, Heal } from './faults.ts';
import { LoopDisk } from './loop-disk.ts';
import { PLUGIN } from './plugin-image.ts';

/** A disk that hangs for longer would hang whoever has the kernel write all disks (sync(2)). */
const HANG_MS_MAX = 6_000;
const MEGABYTE = 1024 * 1024;

/** Each write takes up to a second. */
export async function slowDisk({ site, strength, hold_ms }: FaultSetting): Promise<Heal> {
  const disk = new LoopDisk(site.engine);
  const frozen_ms = 50 + strength * 9;
  const free_ms = 50;
  disk.stutter({ frozen_ms, free_ms, times: Math.ceil(hold_ms / (frozen_ms + free_ms)) });
  return async () => disk.thaw();
}

export async function hangDisk({ site, hold_ms }: FaultSetting): Promise<Heal> {
  const disk = new LoopDisk(site.engine);
  disk.stutter({ frozen_ms: Math.min(hold_ms, HANG_MS_MAX), free_ms: 0, times: 1 });
  return async () => disk.thaw();
}

/** Some megabytes are left, so that coffer refuses writes by itself, or none at all. */
export async function fullDisk({ site, strength }: FaultSetting): Promise<Heal> {
  const disk = new LoopDisk(site.engine);
  await disk.fill(strength < 50 ? (4 + strength) * MEGABYTE : 0);
  return async () => {
    disk.free();
    const words = ['plugin', 'inspect', '--format', '{{.Enabled}}', PLUGIN];
    const { stdout } = await site.engine.docker(words);
    if (stdout.trim() !== 'true') {
      // The engine had no space to write down that it has started it again.
      await site.plugin.enable();
    }
  };
}
