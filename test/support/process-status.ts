// SPDX-License-Identifier: Apache-2.0
// What the kernel says of a process (proc(5)).
import { existsSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';

/** The kernel counts a process's time in these (sysconf(_SC_CLK_TCK), which is 100 on Linux). */
const TICK_MS = 10;

function memory(pid: number, field: 'VmHWM' | 'VmRSS'): number {
  const line = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  if (line?.[1] === undefined) {
    throw new Error(`/proc/${pid}/status has no ${field}`);
  }
  return Number(line[1]) * 1024;
}

/** The memory that a process holds now, in bytes. */
export function residentMemory(pid: number): number {
  return memory(pid, 'VmRSS');
}

/** The most memory that a process has held, in bytes. */
export function peakMemory(pid: number): number {
  return memory(pid, 'VmHWM');
}

/** What a process has used of the processor so far. */
export function processor_ms(pid: number): number {
  const [user, system] =
    readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ').slice(11, 13) ?? [];
  return (Number(user) + Number(system)) * TICK_MS;
}

/** By how many bytes the most memory that a process held while `work` ran exceeds what it held before. */
export async function memoryGrowthDuring(pid: number, work: () => Promise<unknown>): Promise<number> {
  // 5 sets the high-water mark back to what is held now.
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
  const before = residentMemory(pid);
  await work();
  return memory(pid, 'VmHWM') - before;
}

/** How many sockets a process has open. */
export function openSockets(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).filter((file) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${file}`).startsWith('socket:');
    } catch {
      // Closed meanwhile.
      return false;
    }
  }).length;
}

export function isAlive(pid: number): boolean {
  return existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
}
