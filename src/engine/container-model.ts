// SPDX-License-Identifier: Apache-2.0
// The containers of this engine.
import * as v from 'valibot';
import { decodeList, labels, requiredText, text } from './decode.ts';

/** A container of this engine's. */
export interface EngineContainer {
  readonly id: string;
  /** Without the slash before it. */
  readonly name: string;
  readonly image: string;
  /** `sha256:` and 64 hexadecimal digits. */
  readonly imageId: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly state: ContainerState;
  /** The volumes that it mounts, by name. */
  readonly volumes: readonly string[];
}

/** Anything else that an engine may say is `dead`. */
export const CONTAINER_STATES = [
  'created',
  'running',
  'paused',
  'restarting',
  'removing',
  'exited',
  'dead',
] as const;
export type ContainerState = (typeof CONTAINER_STATES)[number];

const containerShape = v.pipe(
  v.object({
    Id: requiredText,
    Names: v.nullish(v.array(v.string())),
    Image: text,
    ImageID: text,
    Labels: labels,
    State: v.fallback(v.picklist(CONTAINER_STATES), 'dead'),
    Mounts: v.nullish(v.array(v.object({ Type: text, Name: text }))),
  }),
  v.transform(
    (container): EngineContainer => ({
      id: container.Id,
      // One that others link to has further names, with more than one slash.
      name: ownName(container.Names ?? []),
      image: container.Image,
      imageId: container.ImageID,
      labels: container.Labels,
      state: container.State,
      volumes: (container.Mounts ?? [])
        .filter(({ Name, Type }) => Type === 'volume' && Name !== '')
        .map(({ Name }) => Name),
    }),
  ),
);

function ownName(names: readonly string[]): string {
  const own = names.find((name) => /^\/[^/]+$/.test(name)) ?? names[0] ?? '';
  return own.replace(/^\//, '');
}

/** Reads the answer of `GET /containers/json`. */
export function decodeContainers(json: unknown): readonly EngineContainer[] {
  return decodeList(containerShape, json, 'a list of containers');
}
