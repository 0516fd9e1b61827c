// SPDX-License-Identifier: Apache-2.0
// Docker's volume plugin protocol (docs.docker.com/engine/extend/plugins_volume). A mount may have to wait for a manager; all else is
// answered from what this node knows, whatever state it is in: the engine asks for it whenever anybody lists volumes.
import * as v from 'valibot';
import { type Auditor, noAudit } from '../audit/index.ts';
import { CofferError, type Logger, unreachable, withDeadline } from '../common/index.ts';
import type { VolumeDescription, VolumeService } from '../distribution/index.ts';
import { decodePluginBody } from './plugin-body.ts';
import type { Refusals } from './refusals.ts';

export const VOLUME_CALLS = [
  'Create',
  'Remove',
  'Mount',
  'Unmount',
  'Path',
  'Get',
  'List',
  'Capabilities',
] as const;
export type VolumeCall = (typeof VOLUME_CALLS)[number];

/** A container's start waits for it, and the engine for at least 30 s. */
const MOUNT_DEADLINE_MS = 25_000;
/** What of that is left to a daemon that is starting. */
const READY_WAIT_MS = 10_000;

export interface VolumeDriverOptions {
  readonly volumes: VolumeService;
  /**
   * Resolves when this node can hand secrets out, as far as it knows. Rejects with the reason why it cannot, or after `timeout_ms`
   * while it is starting.
   */
  readonly ready: (timeout_ms: number) => Promise<void>;
  readonly refusals: Refusals;
  /** Told of mounts that were refused. Default: nothing is written down. */
  readonly audit?: Auditor;
  readonly logger: Logger;
  readonly now_ms: () => number;
  /** Default 25,000. */
  readonly mountDeadline_ms?: number;
}

export interface VolumeAnswer {
  /** As JSON. */
  readonly reply: object;
  /** To be called if the engine does not hear the answer: then it does not know of the mount, and will not undo it. */
  readonly unheard?: () => void;
}

const text = v.nullish(v.string(), '');
const Named = v.object({ Name: v.pipe(v.string(), v.minLength(1)) });
const Creation = v.object({
  ...Named.entries,
  Opts: v.nullish(v.record(v.string(), v.string()), {}),
});
const Mounting = v.object({ ...Named.entries, ID: text });

/** Answers the engine's calls about volumes. */
export class VolumeDriver {
  readonly #options: VolumeDriverOptions;

  constructor(options: VolumeDriverOptions) {
    this.#options = options;
  }

  /** Never rejects: what went wrong is in the reply. */
  async answer(call: VolumeCall, body: Buffer): Promise<VolumeAnswer> {
    try {
      return await this.#answer(call, body);
    } catch (thrown) {
      const error = CofferError.from(thrown);
      this.#options.logger.warn('refused a call about a volume', { call, reason: error.message });
      return { reply: refusalOf(error) };
    }
  }

  #answer(call: VolumeCall, body: Buffer): Promise<VolumeAnswer> | VolumeAnswer {
    const { volumes } = this.#options;
    switch (call) {
      case 'Create': {
        const { Name, Opts } = decode(Creation, body);
        return done(volumes.create(Name, Opts));
      }
      case 'Remove':
        return done(volumes.remove(decode(Named, body).Name));
      case 'Mount': {
        const { ID, Name } = decode(Mounting, body);
        return this.#mount(Name, ID);
      }
      case 'Unmount': {
        const { ID, Name } = decode(Mounting, body);
        return done(volumes.unmount(Name, ID));
      }
      case 'Path':
        return { reply: { Mountpoint: this.#existing(decode(Named, body).Name).mountpoint ?? '', Err: '' } };
      case 'Get':
        return { reply: { Volume: describe(this.#existing(decode(Named, body).Name)), Err: '' } };
      case 'List':
        return { reply: { Volumes: volumes.list().map(describe), Err: '' } };
      case 'Capabilities':
        // A volume is made on each node by itself.
        return { reply: { Capabilities: { Scope: 'local' } } };
      default:
        return unreachable(call);
    }
  }

  async #mount(name: string, mountId: string): Promise<VolumeAnswer> {
    const { logger, mountDeadline_ms = MOUNT_DEADLINE_MS, ready, volumes } = this.#options;
    const undo = (): void => {
      void done(volumes.unmount(name, mountId)).catch((thrown: unknown) => {
        const reason = CofferError.from(thrown).message;
        logger.warn('a mount that nobody has could not be undone', { volume: name, reason });
      });
    };
    let isLate = false;
    const mounting = (async () => {
      await ready(Math.min(READY_WAIT_MS, mountDeadline_ms));
      // Whoever has given up is not mounted for.
      if (isLate) {
        return '';
      }
      const mountpoint = await volumes.mount(name, mountId);
      if (isLate) {
        undo();
      }
      return mountpoint;
    })();
    try {
      const sentence = `volume ${printable(name)} could not be mounted within ${mountDeadline_ms} ms`;
      const Mountpoint = await withDeadline(mounting, mountDeadline_ms, 'volume.timeout', sentence);
      return { reply: { Mountpoint, Err: '' }, unheard: undo };
    } catch (thrown) {
      isLate = true;
      this.#noteRefusal(name, CofferError.from(thrown));
      throw thrown;
    }
  }

  #noteRefusal(volume: string, error: CofferError): void {
    const { audit = noAudit, now_ms, refusals, volumes } = this.#options;
    const users = [...new Set(volumes.usersOf(volume))];
    refusals.addVolume(now_ms(), volume, users, error);
    const service = users.length === 0 ? undefined : users.join(', ');
    audit.record('refuse', { volume, service, by: 'volume', code: error.code });
  }

  #existing(name: string): VolumeDescription {
    const volume = this.#options.volumes.get(name);
    if (volume === undefined) {
      throw new CofferError('volume.not-found', `coffer has no volume ${printable(name)} on this node`);
    }
    return volume;
  }
}

/** The call that a path is for. */
export function volumeCallOf(path: string | undefined): VolumeCall | undefined {
  return VOLUME_CALLS.find((call) => path === `/VolumeDriver.${call}`);
}

/** What an engine takes for a refusal, and shows to whoever has typed the command. */
export function refusalOf({ hint, message }: CofferError): object {
  return { Err: hint === undefined ? message : `${message}. ${hint}` };
}

function decode<Schema extends v.GenericSchema>(schema: Schema, body: Buffer): v.InferOutput<Schema> {
  return decodePluginBody(schema, body, 'volume driver');
}

async function done(work: Promise<void>): Promise<VolumeAnswer> {
  await work;
  return { reply: { Err: '' } };
}

function describe({ createdAt, mountpoint, name }: VolumeDescription): object {
  return {
    Name: name,
    CreatedAt: createdAt,
    ...(mountpoint === undefined ? {} : { Mountpoint: mountpoint }),
  };
}

/** What the engine's user wrote, short and in one line. */
function printable(name: string): string {
  return /^[A-Za-z0-9][A-Za-z0-9_.-]{0,254}$/.test(name) ? name : JSON.stringify(name.slice(0, 80));
}
