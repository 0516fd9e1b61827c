// SPDX-License-Identifier: Apache-2.0
// When a manager writes a backup by itself, under which name, and which files it deletes. Pure: what time it is, it is told.
import { createHash } from 'node:crypto';
import type { BackupScheduleObject } from '../membership/index.ts';

/** A file that the schedule has made. */
export interface ScheduledFile {
  readonly name: string;
  /** When the backup was begun, to the second. */
  readonly createdAt_ms: number;
  readonly size_bytes: number;
}

export type BackupTimes = Pick<BackupScheduleObject, 'every_ms' | 'offset_ms' | 'setAt_ms'>;

/** Names tell seconds. */
const NAME_STEP_MS = 1_000;
/** A file that is no further in the future than this is one of now: clocks are set. */
const CLOCK_SLACK_MS = 60_000;
/** Managers begin within this part of the period, and within this time, so that not all are at it at once. */
const JITTER = 1 / 20;
const JITTER_MAX_MS = 10 * 60_000;
const NAME_PATTERN = /^coffer-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z-([0-9a-z]{1,64})\.backup$/;

/** `coffer-20261125T030007Z-NODE.backup`: names sort by time. */
export function scheduledName(createdAt_ms: number, nodeId: string): string {
  const time = new Date(createdAt_ms)
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replaceAll(/[-:]/g, '');
  return `coffer-${time}-${nodeId}.backup`;
}

/** When the backup of that name was begun; undefined for a name that this node's schedule does not give. */
export function scheduledAt_ms(name: string, nodeId: string): number | undefined {
  const [, year, month, day, hours, minutes, seconds, node] = NAME_PATTERN.exec(name) ?? [];
  if (node !== nodeId) {
    return undefined;
  }
  const at_ms = Date.parse(`${year}-${month}-${day}T${hours}:${minutes}:${seconds}Z`);
  return Number.isNaN(at_ms) ? undefined : at_ms;
}

/** The last moment until now at which a backup was due: that of the period, or the one at which the schedule was set. */
export function lastDue_ms(schedule: BackupTimes, nodeId: string, now_ms: number): number {
  const { every_ms, setAt_ms } = schedule;
  const due_ms = periodBefore_ms(schedule, nodeId, now_ms);
  // By a clock that is ahead of this one, it may have been set in the future. And the first stands for a period that begins
  // shortly after it.
  return setAt_ms <= now_ms && due_ms < setAt_ms + spacing_ms(every_ms) ? setAt_ms : due_ms;
}

/** The next moment at which one is due, unless one is due already. */
export function nextDue_ms(schedule: BackupTimes, nodeId: string, now_ms: number): number {
  const { every_ms, setAt_ms } = schedule;
  const next_ms = periodBefore_ms(schedule, nodeId, now_ms) + every_ms;
  return setAt_ms <= now_ms && next_ms < setAt_ms + spacing_ms(every_ms) ? next_ms + every_ms : next_ms;
}

/** Less than this is never between two backups of a process. */
export function spacing_ms(every_ms: number): number {
  return every_ms / 4;
}

/** When the period began that `now_ms` lies in. */
function periodBefore_ms({ every_ms, offset_ms }: BackupTimes, nodeId: string, now_ms: number): number {
  const shift_ms = offset_ms + jitter_ms(every_ms, nodeId);
  return Math.floor((now_ms - shift_ms) / every_ms) * every_ms + shift_ms;
}

/**
 * Whether a backup is due: none of these files was begun since the last moment at which one was. A missed moment is made up
 * for. Files from the future say nothing: they were made while the clock was wrong.
 */
export function isBackupDue(
  schedule: BackupTimes,
  nodeId: string,
  files: readonly ScheduledFile[],
  now_ms: number,
): boolean {
  const due_ms = lastDue_ms(schedule, nodeId, now_ms);
  return !files.some(
    ({ createdAt_ms }) => !isFuture(createdAt_ms, now_ms) && createdAt_ms + NAME_STEP_MS > due_ms,
  );
}

/**
 * The files that are to be deleted, once the newest is known to be whole: the oldest beyond those that are kept. Files from the
 * future are counted by themselves, so that they push out none that is younger than they seem.
 */
export function surplusFiles(
  files: readonly ScheduledFile[],
  keep: number,
  now_ms: number,
): readonly ScheduledFile[] {
  const inOrder = files.toSorted((a, b) => a.createdAt_ms - b.createdAt_ms);
  const future = inOrder.filter(({ createdAt_ms }) => isFuture(createdAt_ms, now_ms));
  const past = inOrder.filter(({ createdAt_ms }) => !isFuture(createdAt_ms, now_ms));
  const kept = Math.max(1, keep);
  return [...past.slice(0, -kept), ...future.slice(0, -kept)];
}

function isFuture(at_ms: number, now_ms: number): boolean {
  return at_ms > now_ms + CLOCK_SLACK_MS;
}

/** Another one for each node, and always the same. */
function jitter_ms(every_ms: number, nodeId: string): number {
  const share = createHash('sha256').update(nodeId).digest().readUInt32BE() / 2 ** 32;
  return Math.floor(share * Math.min(JITTER * every_ms, JITTER_MAX_MS));
}
