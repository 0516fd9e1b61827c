// SPDX-License-Identifier: Apache-2.0
// The parameters of a path, of which express can make a list only for routes with a wildcard.
import type { Request } from 'express';
import { CofferError } from '../common/index.ts';

const REFERENCE_LENGTH_MAX = 256;

/** The `:name` of the path, which stands for a secret. */
export function reference(request: Request): string {
  const name = request.params['name'];
  return typeof name === 'string' ? name : '';
}

/** What stands for a node, or the id of a token, a grant or a rule. */
export function parameter(request: Request, name: 'node' | 'id'): string {
  const text = request.params[name];
  if (typeof text !== 'string' || text.length > REFERENCE_LENGTH_MAX) {
    throw new CofferError('request.invalid', `a ${name} has ${REFERENCE_LENGTH_MAX} characters at most`);
  }
  return text;
}
