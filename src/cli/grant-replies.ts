// SPDX-License-Identifier: Apache-2.0
// What the daemon may answer about grants; see replies.ts.
import * as v from 'valibot';
import type { GrantDescription, GrantReply, GrantsReply, RevokedReply } from '../control/index.ts';
import type { ReplySchema } from './replies.ts';

/** Not a record of valibot's, which leaves out keys such as `constructor`: a grant would be shown wider than it is. */
export const labels = v.custom<Readonly<Record<string, string>>>(
  (given) =>
    typeof given === 'object' &&
    given !== null &&
    Object.values(given).every((text) => typeof text === 'string'),
);

const grant: ReplySchema<GrantDescription> = v.object({
  id: v.string(),
  secret: v.string(),
  secretExists: v.boolean(),
  node: v.object({ id: v.string(), hostname: v.string() }),
  container: v.string(),
  labels,
  image: v.string(),
  grantedAt_ms: v.number(),
});

export const grantsReply: ReplySchema<GrantsReply> = v.object({
  grants: v.array(grant),
  freshness: v.picklist(['linearizable', 'local']),
});

export const grantReply: ReplySchema<GrantReply> = v.object({ grant, changed: v.boolean() });

export const revokedReply: ReplySchema<RevokedReply> = v.object({ grant });
