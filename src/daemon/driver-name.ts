// SPDX-License-Identifier: Apache-2.0
// The name under which the engine knows this plugin: what `docker secret create --driver` takes.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { CofferError, type Logger, withDeadline } from '../common/index.ts';
import type { EngineClient } from '../engine/index.ts';
import type { Settings } from './settings.ts';

/**
 * An engine mounts a plugin's socket directory, which is named after the plugin's id; the fourth field of a line
 * in mountinfo is the mount's path on its own file system (proc(5)).
 */
const MOUNT_PATTERN = /^\d+ \d+ \S+ \S*\/plugins\/([0-9a-f]{64}) \/run\/docker\/plugins /m;
const RETRY_MS = 500;

/**
 * A legacy plugin is named after its socket. A managed plugin was named by whoever installed it, so the engine is
 * asked, as often as it takes: it answers only after its plugins are up.
 */
export class DriverName {
  readonly #engine: EngineClient;
  readonly #logger: Logger;
  #name: string;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  #isKnown: boolean;
  #tell: () => void = () => undefined;
  /** Resolves once the name is known. */
  readonly told: Promise<void>;

  constructor(settings: Settings, engine: EngineClient, logger: Logger) {
    this.#engine = engine;
    this.#logger = logger;
    this.#name = settings.driverName ?? path.basename(settings.pluginSocket, '.sock');
    this.#isKnown = settings.mode === 'process' || settings.driverName !== undefined;
    this.told = new Promise((resolve) => {
      this.#tell = resolve;
    });
    if (this.#isKnown) {
      this.#tell();
    }
  }

  readonly current = (): string => this.#name;

  /** Begins to ask the engine, if there is something to ask. */
  start(): void {
    if (!this.#isKnown) {
      void this.#ask();
    }
  }

  /**
   * Waits while the name is being found out; never rejects. A secret that is registered under another driver's name
   * would be asked for elsewhere.
   */
  readonly known = async (timeout_ms: number): Promise<void> => {
    if (this.#isKnown) {
      return;
    }
    try {
      await withDeadline(this.told, timeout_ms, 'engine.unreachable', 'the engine was not reached yet');
    } catch {
      // The engine is not there: whoever waited hears that from the engine's own socket.
    }
  };

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  async #ask(): Promise<void> {
    try {
      const id = MOUNT_PATTERN.exec(await readFile('/proc/self/mountinfo', 'utf8'))?.[1];
      if (id === undefined) {
        this.#logger.warn('the plugin cannot tell its own id; set COFFER_DRIVER if it is not named coffer');
        this.#settle();
        return;
      }
      this.#name = (await this.#engine.pluginName(id)).replace(/:latest$/, '');
      this.#settle();
      this.#logger.info('the engine knows this plugin', { driver: this.#name });
    } catch (thrown) {
      this.#logger.debug('the engine cannot be asked yet', { reason: CofferError.from(thrown).message });
      if (!this.#stopped) {
        this.#timer = setTimeout(() => void this.#ask(), RETRY_MS).unref();
      }
    }
  }

  #settle(): void {
    this.#isKnown = true;
    this.#tell();
  }
}
