// SPDX-License-Identifier: Apache-2.0
// What the leader is told of containers: within the bounds of the protocol, whatever an engine has. Pure.
import type { EngineContainer } from '../../engine/index.ts';
import {
  CONTAINERS_MAX,
  type ContainerFact,
  LABELS_MAX,
  NODE_MESSAGE_BYTES_MAX,
  type NodeFacts,
  TEXT_CHARACTERS_MAX,
} from '../protocol.ts';
import { taskIdOf } from './entitlement.ts';

const CONTAINER_ID_PATTERN = /^[0-9a-f]{64}$/;
const IMAGE_ID_PATTERN = /^sha256:[0-9a-f]{64}$/;
/** The rest of a message. */
const FRAME_BYTES = 1_024;

/**
 * By id, so that the same containers make the same facts. What does not fit is left out, and the leader then grants nothing for it:
 * labels first, then containers.
 */
export function factsOf(containers: readonly EngineContainer[]): NodeFacts {
  const sorted = containers
    .filter(({ id }) => CONTAINER_ID_PATTERN.test(id))
    .toSorted((one, other) => (one.id < other.id ? -1 : 1))
    .slice(0, CONTAINERS_MAX);
  const facts: ContainerFact[] = [];
  let left_bytes = NODE_MESSAGE_BYTES_MAX - FRAME_BYTES;
  for (const container of sorted) {
    const fact = factOf(container);
    // So that each of those that come after it has as much.
    const share_bytes = left_bytes / (sorted.length - facts.length);
    const fitting = size_bytes(fact) <= share_bytes ? fact : { ...fact, labels: {} };
    const taken_bytes = size_bytes(fitting);
    if (taken_bytes > left_bytes) {
      break;
    }
    facts.push(fitting);
    left_bytes -= taken_bytes;
  }
  return { containers: facts };
}

function factOf(container: EngineContainer): ContainerFact {
  const labels = Object.entries(container.labels)
    .filter(([key, value]) => isShort(key) && isShort(value))
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .slice(0, LABELS_MAX);
  return {
    id: container.id,
    name: isShort(container.name) ? container.name : '',
    image: isShort(container.image) ? container.image : '',
    imageId: IMAGE_ID_PATTERN.test(container.imageId) ? container.imageId : '',
    labels: Object.fromEntries(labels),
    taskId: taskIdOf(container),
  };
}

function isShort(text: string): boolean {
  return text.length <= TEXT_CHARACTERS_MAX;
}

function size_bytes(fact: ContainerFact): number {
  // And the comma after it.
  return Buffer.byteLength(JSON.stringify(fact)) + 1;
}
