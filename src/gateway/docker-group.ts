// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';

/** The id of the group `docker` on this machine; undefined if there is none, or only root could give it a socket. */
export function dockerGroupId(): number | undefined {
  if (process.getuid?.() !== 0) {
    return undefined;
  }
  let text: string;
  try {
    text = readFileSync('/etc/group', 'utf8');
  } catch {
    return undefined;
  }
  const id = /^docker:[^:]*:(\d+):/m.exec(text)?.[1];
  return id === undefined ? undefined : Number(id);
}
