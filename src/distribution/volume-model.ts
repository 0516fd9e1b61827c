// SPDX-License-Identifier: Apache-2.0

/** One file of a volume. */
export interface VolumeFile {
  /** The secret, by its name in the store, without regard to case. */
  readonly secret: string;
  /** The file's name in the volume: no slash, not `.` or `..`, up to 255 bytes. */
  readonly file: string;
  readonly uid: number;
  readonly gid: number;
  /** 0 to 0o777, and never writable for anybody: 0o444 unless the options say otherwise. */
  readonly mode: number;
}

/** What a volume's name and options say: at least one file, each name once. */
export interface VolumeSpec {
  readonly files: readonly VolumeFile[];
}
