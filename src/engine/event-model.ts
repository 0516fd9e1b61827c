// SPDX-License-Identifier: Apache-2.0
// What the engine tells when it happens.
import * as v from 'valibot';
import { requiredText, text } from './decode.ts';

export interface SecretEvent {
  readonly kind: 'secret';
  readonly action: 'create' | 'update' | 'remove';
  readonly secretId: string;
  readonly name: string;
}

/** What events can be listened to for; more of them exist. */
export type EventSubject = 'container' | 'node' | 'secret' | 'service';

/** Something about an object has changed, whatever it was. */
export interface ObjectEvent {
  readonly kind: 'object';
  readonly subject: EventSubject;
  /** As the engine words it: `start`, `die`, `update`. */
  readonly action: string;
  readonly id: string;
}

const secretEventShape = v.object({
  Type: v.literal('secret'),
  Action: v.picklist(['create', 'update', 'remove']),
  Actor: v.object({ ID: requiredText, Attributes: v.nullish(v.object({ name: text })) }),
});

const objectEventShape = v.object({
  Type: v.picklist(['container', 'node', 'secret', 'service']),
  Action: requiredText,
  Actor: v.object({ ID: requiredText }),
});

/** Reads one line of `GET /events`; undefined for an event that is not about a secret. */
export function decodeSecretEvent(json: unknown): SecretEvent | undefined {
  const result = v.safeParse(secretEventShape, json);
  if (!result.success) {
    return undefined;
  }
  const { Action, Actor } = result.output;
  return { kind: 'secret', action: Action, secretId: Actor.ID, name: Actor.Attributes?.name ?? '' };
}

/** Reads one line of `GET /events`; undefined for an event that is not about one of the subjects. */
export function decodeObjectEvent(json: unknown): ObjectEvent | undefined {
  const result = v.safeParse(objectEventShape, json);
  if (!result.success) {
    return undefined;
  }
  const { Action, Actor, Type } = result.output;
  return { kind: 'object', subject: Type, action: Action, id: Actor.ID };
}
