// SPDX-License-Identifier: Apache-2.0
// Volumes of secrets, as Docker's volume plugin protocol sees them (docs.docker.com/engine/extend/plugins_volume).

export interface VolumeDescription {
  readonly name: string;
  /** Where it is mounted in this process's file system; undefined while it is not. */
  readonly mountpoint: string | undefined;
  /** RFC 3339. */
  readonly createdAt: string;
}

/** What the engine asks for. Errors are CofferErrors, whose sentence `docker run` shows. */
export interface VolumeService {
  /** Throws `volume.options-invalid`. Nothing happens if there is one of this name with the same options. */
  create(name: string, options: Readonly<Record<string, string>>): Promise<void>;
  /** Throws `volume.in-use` while it is mounted. Nothing happens if there is none. */
  remove(name: string): Promise<void>;
  /**
   * Resolves with the mountpoint when every secret of the volume is a file in it. Each container start mounts with an id of its own.
   * Throws `volume.not-found`; `volume.refused` with the reason if a container that mounts it is not entitled to a secret of it;
   * `volume.timeout` if no manager has answered. The engine then does not start the container.
   */
  mount(name: string, mountId: string): Promise<string>;
  /** The last one wipes the files. Nothing happens for a mount that is not known. */
  unmount(name: string, mountId: string): Promise<void>;
  get(name: string): VolumeDescription | undefined;
  /** The names of the containers that mount it, and of their services, as far as the engine has told: for whoever asks why. */
  usersOf(name: string): readonly string[];
  list(): readonly VolumeDescription[];
}
