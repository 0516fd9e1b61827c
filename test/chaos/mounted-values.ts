// SPDX-License-Identifier: Apache-2.0
// The values that an engine's host has in memory for containers: each must be one that this node is due.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Canaries } from './canaries.ts';
import type { Site } from './chaos-cluster.ts';

export interface MountedValues {
  /** How many values are there. */
  readonly count: number;
  /** Those that must not be, in a sentence each. */
  readonly strays: readonly string[];
}

/** What a node has now. A file that has just been removed, or is just being written, counts as none. */
export function mountedValues(site: Site, canaries: Canaries): MountedValues {
  const found = mountedFiles(site).flatMap((file) => {
    const value = contentOf(file);
    return value === undefined || value === '' ? [] : [{ file, owner: canaries.ownerOf(value) }];
  });
  const strays = found.flatMap(({ file, owner }) => {
    if (owner === undefined) {
      return [`${site.name} has a value of no secret in ${file}`];
    }
    return owner.node === undefined || owner.node === site.name
      ? []
      : [`${site.name} has the value of ${owner.name}, which only ${owner.node} is due`];
  });
  return { count: found.length, strays };
}

/** Those of swarm secrets, as the engine has them, and those of volumes, as coffer has them. */
function mountedFiles(site: Site): readonly string[] {
  const containers = filesBelow(site.reach(path.join(site.engine.dataDirectory, 'containers')));
  const volumes = filesBelow(site.reach(site.plugin.volumesDirectory));
  return [
    ...containers.filter((file) => file.includes('/mounts/secrets')),
    // Beside them stands which containers have mounted the volume.
    ...volumes.filter((file) => file.includes('/files/')),
  ];
}

function filesBelow(directory: string): readonly string[] {
  try {
    return readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => path.join(entry.parentPath, entry.name));
  } catch {
    // Part of it has just been removed, or its engine does not run.
    return [];
  }
}

function contentOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
