// SPDX-License-Identifier: Apache-2.0
// The secrets of the engine's swarm.
import * as v from 'valibot';
import { decode, labels, decodeList, optionalText, requiredText, text } from './decode.ts';

export interface EngineSecret {
  readonly id: string;
  readonly name: string;
  /** The name of its driver, as it was given: with a tag or without. */
  readonly driver: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  /** RFC 3339. */
  readonly createdAt: string;
  readonly versionIndex: number;
  /** Tasks find something else in the file than the value. */
  readonly isTemplate?: true;
}

/** A secret that is to be registered. */
export type DriverSecret = Pick<EngineSecret, 'labels' | 'name'> & { readonly driver: string };

const secretShape = v.pipe(
  v.object({
    ID: requiredText,
    Version: v.nullish(v.object({ Index: v.nullish(v.number(), 0) })),
    CreatedAt: text,
    Spec: v.object({
      Name: v.string(),
      Labels: labels,
      Driver: v.nullish(v.object({ Name: optionalText })),
      Templating: v.nullish(v.object({ Name: optionalText })),
    }),
  }),
  v.transform(
    (secret): EngineSecret => ({
      id: secret.ID,
      name: secret.Spec.Name,
      driver: secret.Spec.Driver?.Name,
      labels: secret.Spec.Labels,
      createdAt: secret.CreatedAt,
      versionIndex: secret.Version?.Index ?? 0,
      ...(secret.Spec.Templating?.Name !== undefined && { isTemplate: true }),
    }),
  ),
);

/** Reads a secret of the Engine API; throws `engine.refused` if it is none. */
export function decodeSecret(json: unknown): EngineSecret {
  return decode(secretShape, json, 'a secret');
}

/** Reads the answer of `GET /secrets`, where an engine may say `null` for none. */
export function decodeSecrets(json: unknown): readonly EngineSecret[] {
  return decodeList(secretShape, json, 'a list of secrets');
}

/** The id of what dockerode has made. */
export function decodeCreated(created: unknown): string {
  return decode(v.object({ id: requiredText }), created, 'what it has made').id;
}
