// SPDX-License-Identifier: Apache-2.0
// What a process shows of itself to everybody on its host.
import { readFileSync } from 'node:fs';
import type { Leak } from '../support/leak-scanner.ts';
import type { Canaries } from './canaries.ts';
import type { Site } from './chaos-cluster.ts';

/** Whether a process is there and not stopped. */
export function isLive(pid: number): boolean {
  return /^State:\s+[RSDI]/m.test(textOf(`/proc/${pid}/status`));
}

/** The values that stand in the arguments or the environment of any process on the host of an engine. */
export function leaksOfProcesses(site: Site, canaries: Canaries): readonly Leak[] {
  return site.engine.box.processes().flatMap((pid) =>
    ['cmdline', 'environ'].flatMap((file) => {
      const place = `/proc/${pid}/${file}`;
      return canaries.find(Buffer.from(textOf(place)), `${place} on ${site.name}`);
    }),
  );
}

/** Empty for a process that has ended meanwhile. */
function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
