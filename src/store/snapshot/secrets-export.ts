// SPDX-License-Identifier: Apache-2.0
// The secrets, and the keys of those that are sealed, as they were at one entry of the log, for whoever keeps a copy of them elsewhere.
import type { Keyring } from '../../crypto/index.ts';
import { decodeObject } from '../../membership/index.ts';
import type { DatabaseSnapshot } from '../../storage/index.ts';
import type { ExportedRecord } from '../secret-store.ts';
import { decodeSecret } from '../state/record-codec.ts';
import { readHeader } from '../state/state-header.ts';
import { exportRecords } from './snapshot-export.ts';

/**
 * The secrets that `view` shows, as `SecretStore.exportSecrets` promises; the view is closed at the end. The whole state is
 * read, so that a record that is missing, altered or of an earlier state is noticed: `store.damaged` then takes the place
 * of the end.
 */
export async function* exportSecrets(
  view: DatabaseSnapshot,
  keyring: Keyring,
): AsyncGenerator<ExportedRecord> {
  try {
    const header = readHeader(view, keyring);
    yield { kind: 'begin', appliedIndex: header.appliedIndex };
    for await (const { kind, body } of exportRecords(view, keyring, header)) {
      try {
        if (kind === 'secret') {
          yield { kind, secret: decodeSecret(body) };
        } else if (kind === 'value') {
          yield { kind, bytes: body };
        } else if (kind === 'object') {
          yield* sealingKeyIn(body);
        }
      } finally {
        body.fill(0);
      }
    }
  } finally {
    await view.close();
  }
}

/** The other objects of a cluster are good for itself alone. */
function* sealingKeyIn(body: Buffer): Generator<ExportedRecord> {
  const object = decodeObject(body);
  if (object.kind === 'sealing-key') {
    yield { kind: 'sealing-key', key: object };
  }
}
