// SPDX-License-Identifier: Apache-2.0
import { LABEL_LIST, LABEL_PLACES, type LabelPlace } from '../../src/secrets/index.ts';
import { code, table } from './markdown.ts';

const PLACES: Readonly<Record<LabelPlace, string>> = {
  driver: 'engine',
  store: 'coffer',
  container: 'container',
};

export function labelPage(): string {
  const rows = Object.entries(LABEL_LIST).map(([name, { meaning, places, takes }]) => [
    code(name),
    takes,
    LABEL_PLACES.filter((place) => places.includes(place))
      .map((place) => PLACES[place])
      .join(', '),
    meaning,
  ]);
  return `# Labels

Where a label counts:

- **engine**: on one of the engine's secrets whose driver is coffer, in a stack file or by \`docker secret create --driver coffer --label\`. Its value
  is made at the first use, if a label says of what; the labels about rotation, the certificate, the end and the canary are then those of the secret in coffer too.
- **coffer**: on a secret of coffer's store, by \`docker coffer put --label\`, or by \`docker secret create --label\` through the gateway.
- **container**: on a container, by \`docker run --label\`, in a Compose file, or by \`docker service create --container-label\`.

A label of coffer's own that says nothing that can be is refused (\`secret.label-invalid\`). All other labels are kept as they are.

${table(['label', 'takes', 'on', 'meaning'], rows)}
More of them in [versions](../versions.md), [rotation](../rotation.md), [certificates](../certificates.md), [sealed values](../sealed.md),
[notices](../notices.md) and [volumes](../volumes.md).
`;
}
