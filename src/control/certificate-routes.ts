// SPDX-License-Identifier: Apache-2.0
// The routes about the CA for workloads.
import type { Request, RequestHandler, Response } from 'express';
import {
  finishWorkloadRotation,
  readWorkloadAuthority,
  rotateWorkloadAuthority,
  type WorkloadAuthority,
} from '../certificates/index.ts';
import { CofferError } from '../common/index.ts';
import type { SecretStore } from '../store/index.ts';
import type { WorkloadAuthorityDescription } from './certificate-wire.ts';
import { describeWorkloadAuthority } from './describe-certificate.ts';
import type { ControlOptions } from './options.ts';
import { QUERIES, readQuery } from './query.ts';
import { servingStore } from './serving-store.ts';

const READ_TIMEOUT_MS = 1_000;

export interface CertificateRoutes {
  readonly authority: RequestHandler;
  readonly rotate: RequestHandler;
  readonly finish: RequestHandler;
}

export function certificateRoutes(options: ControlOptions): CertificateRoutes {
  const { now_ms = Date.now } = options;

  /** Answers with the CA as `change` leaves it. */
  function route(
    change: (store: SecretStore, present: WorkloadAuthority) => Promise<WorkloadAuthority>,
  ): RequestHandler {
    return async (request: Request, response: Response<WorkloadAuthorityDescription>) => {
      readQuery(QUERIES.none, request.query);
      const store = await servingStore(options);
      await store.readBarrier(READ_TIMEOUT_MS);
      const authority = await change(store, presentAuthority(store));
      response.json(describeWorkloadAuthority(authority, now_ms()));
    };
  }

  return {
    authority: route(async (_store, present) => present),
    rotate: route((store) => rotateWorkloadAuthority(store, now_ms())),
    finish: route((store) => finishWorkloadRotation(store, now_ms())),
  };
}

function presentAuthority(store: SecretStore): WorkloadAuthority {
  const authority = readWorkloadAuthority(store);
  if (authority === undefined) {
    throw new CofferError('secret.not-found', 'there is no CA for workloads yet', {
      hint: 'It is made with the first certificate: docker coffer cert NAME --cn NAME.',
    });
  }
  return authority;
}
