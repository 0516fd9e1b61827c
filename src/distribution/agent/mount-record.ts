// SPDX-License-Identifier: Apache-2.0
// What is written down beside the files of a volume, in the same memory, so that it is as old as they are.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import * as v from 'valibot';

const FILE_NAME = 'mounts';

/** One start of a container. */
export interface VolumeMount {
  readonly id: string;
  /** The containers of which it may be the start, until one of them is seen to run. */
  readonly starting: readonly string[];
}

/** Which version of which secret a file is. */
export interface FileVersion {
  readonly file: string;
  readonly secretId: string;
  readonly version: number;
}

/** No value is in it. */
export interface MountRecord {
  /** As in `volumes.json`, which it mends. */
  readonly options: Readonly<Record<string, string>>;
  readonly createdAt: string;
  readonly mounts: readonly VolumeMount[];
  readonly files: readonly FileVersion[];
}

const shape = v.strictObject({
  options: v.record(v.string(), v.string()),
  createdAt: v.string(),
  mounts: v.array(v.strictObject({ id: v.string(), starting: v.array(v.string()) })),
  files: v.array(v.strictObject({ file: v.string(), secretId: v.string(), version: v.number() })),
});

/** Undefined if there is none, or none that can be read. */
export function readMountRecord(memory: string): MountRecord | undefined {
  try {
    return v.parse(shape, JSON.parse(readFileSync(path.join(memory, FILE_NAME), 'utf8')));
  } catch {
    return undefined;
  }
}

/** Writes it by `put`, which replaces a file of that name as one. */
export function writeMountRecord(record: MountRecord, put: (name: string, content: Buffer) => void): void {
  put(FILE_NAME, Buffer.from(JSON.stringify(record)));
}
