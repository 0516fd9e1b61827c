// SPDX-License-Identifier: Apache-2.0
// The life of the daemon: in which order its parts start, and in which they stop.
import { CofferError, listenOnUnixSocket, withDeadline } from '../common/index.ts';
import { createInterfaces, type DaemonInterfaces } from './daemon-interfaces.ts';
import { type DaemonOptions, DaemonParts } from './daemon-parts.ts';
import { mayBeCutOff } from './propagation.ts';

/** An engine kills a plugin ten seconds after it asked it to stop. */
const STEP_TIMEOUT_MS = 2_000;

/** A node: all sockets, the store behind them, and what keeps it in step with the engine. */
export class Daemon {
  readonly #options: DaemonOptions;
  readonly #parts: DaemonParts;
  readonly #interfaces: DaemonInterfaces;
  #removePluginSocket: (() => void) | undefined;
  #stopping = false;

  constructor(options: DaemonOptions) {
    this.#options = options;
    this.#parts = new DaemonParts(options);
    this.#interfaces = createInterfaces(this.#parts);
  }

  /**
   * Listens on all sockets, and then opens the store: an engine waits half a second for a plugin's socket. Rejects
   * only if a socket cannot be had; a store that cannot be opened is told on every interface.
   */
  async start(): Promise<void> {
    const { logger, problem, settings } = this.#options;
    const { auditing, backups, delivery, driver, drills, keeper, monitoring, rebuilding } = this.#parts;
    const { control, gateway, plugin, reconciler } = this.#interfaces;
    await this.#requirePropagation();
    this.#removePluginSocket = await listenOnUnixSocket(plugin, settings.pluginSocket);
    await control.listen(settings.controlSocket);
    await gateway.listen(settings.gatewaySocket);
    logger.info('coffer listens', {
      plugin: settings.pluginSocket,
      control: settings.controlSocket,
      gateway: settings.gatewaySocket,
    });
    monitoring.start();
    if (problem !== undefined) {
      keeper.refuse(problem);
      return;
    }
    auditing.log.start();
    driver.start();
    await delivery.start();
    await drills.clean();
    rebuilding.start();
    await keeper.open();
    backups.start();
    // It tells coffer's registrations from others by the driver's name.
    void driver.told.then(() => {
      if (!this.#stopping) {
        reconciler.start();
      }
    });
  }

  /** Stops taking calls, finishes those that were taken, writes all down. */
  async stop(): Promise<void> {
    const { auditing, backups, cluster, delivery, driver, drills, keeper } = this.#parts;
    const { monitoring, notifying, peers, rebuilding, webhook } = this.#parts;
    const { control, gateway, plugin, provider, reconciler } = this.#interfaces;
    this.#stopping = true;
    driver.stop();
    peers.stop();
    rebuilding.stop();
    await this.#attempt('the reconciler', () => reconciler.stop());
    await this.#attempt('the scheduled backups', () => backups.stop());
    await this.#attempt('the gateway', () => gateway.close());
    await this.#attempt('the port for monitors', () => monitoring.stop());
    await this.#attempt('the control socket', () => control.close());
    await this.#attempt('the drill', () => drills.ended());
    this.#removePluginSocket?.();
    plugin.close();
    plugin.closeAllConnections();
    await this.#attempt('the volumes', () => delivery.stop());
    await this.#attempt('the deliveries', () => provider.flush());
    await this.#attempt('the audit log', () => auditing.stop());
    await this.#attempt('the notices of secrets', () => notifying.stop());
    await this.#attempt('the notices', async () => webhook?.close());
    await keeper.close();
    // Last: until then the store hands over what it leads.
    await this.#attempt('the cluster port', () => cluster.close());
  }

  /**
   * A plugin that may be cut off from its engine asks to be started again, as soon as the engine has reached it: not earlier, since it
   * disables one that ends before.
   */
  async #requirePropagation(): Promise<void> {
    const { logger, onFault, settings } = this.#options;
    const { mode, stateDirectory, volumesDirectory } = settings;
    const options = { stateDirectory, directory: volumesDirectory, logger };
    if (mode === 'managed' && (await mayBeCutOff(options))) {
      this.#interfaces.plugin.once('connection', () =>
        onFault(
          new CofferError('volume.unavailable', 'the engine may not see what this process mounts for it'),
        ),
      );
    }
  }

  /** A part that does not stop must not keep the store from being closed. */
  async #attempt(part: string, stop: () => Promise<void>): Promise<void> {
    try {
      await withDeadline(stop(), STEP_TIMEOUT_MS, 'internal.unexpected', `${part} did not stop in time`);
    } catch (thrown) {
      this.#options.logger.warn('stopping goes on', { reason: CofferError.from(thrown).message });
    }
  }
}
