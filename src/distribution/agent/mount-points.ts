// SPDX-License-Identifier: Apache-2.0
// What is mounted, as the kernel tells it (proc_pid_mountinfo(5)).
import { readFileSync } from 'node:fs';

export interface MountPoint {
  readonly path: string;
  /** Of the file system's own tree: `/` unless it is a bind of a part of it. */
  readonly root: string;
  readonly type: string;
  /** Of this mount alone: `ro`, `nosuid`. */
  readonly options: readonly string[];
  /** Mounts below those of one group appear below all of them; undefined: it is in none. */
  readonly peerGroup: number | undefined;
}

const OPTIONAL_FIELDS_END = ' - ';

/** Reads what this process sees of mounts, in the order in which they were made. */
export function readMountPoints(file: string = '/proc/self/mountinfo'): readonly MountPoint[] {
  return parseMountPoints(readFileSync(file, 'utf8'));
}

/** Lines that are none of mountinfo's are left out. */
export function parseMountPoints(text: string): readonly MountPoint[] {
  return text.split('\n').flatMap((line) => {
    const end = line.indexOf(OPTIONAL_FIELDS_END);
    const [, , , root, path, options, ...optional] = line.slice(0, Math.max(end, 0)).split(' ');
    const [type] = line.slice(end + OPTIONAL_FIELDS_END.length).split(' ');
    if (root === undefined || path === undefined || options === undefined || type === undefined) {
      return [];
    }
    const peerGroup = groupOf(optional);
    return [{ path: unescape(path), root: unescape(root), type, options: options.split(','), peerGroup }];
  });
}

function groupOf(optional: readonly string[]): number | undefined {
  const [digits] = optional.flatMap((field) => /^shared:(\d+)$/.exec(field)?.[1] ?? []);
  return digits === undefined ? undefined : Number(digits);
}

/** Blanks, newlines and backslashes are written as three octal digits. */
function unescape(field: string): string {
  return field.replaceAll(/\\([0-7]{3})/g, (_all, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}
