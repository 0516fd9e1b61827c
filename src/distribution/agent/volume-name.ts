// SPDX-License-Identifier: Apache-2.0

/** As the engine takes them, and short enough for the name of a directory. */
const VOLUME_NAME_PATTERN = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}$/;

/** Whether this can be a volume's name, and so a directory's: no slash in it, and no dot at its beginning. */
export function isVolumeName(name: string): boolean {
  return VOLUME_NAME_PATTERN.test(name);
}
