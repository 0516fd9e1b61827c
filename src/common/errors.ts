// SPDX-License-Identifier: Apache-2.0
// The one error type of coffer, and the table of all its codes.

/**
 * Every code that coffer can answer with, and the HTTP status that carries it. A code is part of the
 * interface: programs compare it, so it is never renamed. `docs/errors.md` lists them for users, and a
 * test holds both together.
 */
export const ERROR_CODES = {
  'secret.not-found': 404,
  'secret.exists': 409,
  'secret.in-use': 409,
  'secret.name-invalid': 400,
  'secret.value-size': 400,
  'secret.label-invalid': 400,
  'secret.version-not-found': 404,
  'secret.version-conflict': 409,
  'secret.version-current': 409,
  'secret.reserved': 403,
  'sealed.invalid': 400,
  'sealed.scope': 403,
  'sealed.key-unknown': 404,
  'sealed.conflict': 409,
  'sealing.certificate-invalid': 400,
  'sealing.key-changed': 409,
  'sealing.key-not-found': 404,
  'request.invalid': 400,
  'request.too-large': 413,
  'request.not-found': 404,
  'request.method': 405,
  'request.expired': 409,
  'raft.message-invalid': 400,
  'cluster.node-removed': 409,
  'cluster.node-not-found': 404,
  'cluster.node-unknown': 403,
  'cluster.role': 403,
  'cluster.token-invalid': 403,
  'cluster.token-expired': 403,
  'cluster.digest-mismatch': 403,
  'cluster.address-unreachable': 409,
  'cluster.quorum': 409,
  'cluster.not-lost': 409,
  'cluster.survivor': 409,
  'cluster.rotation-running': 409,
  'cluster.lifetime': 400,
  'cluster.autolock': 409,
  'cluster.schedule': 400,
  'cluster.rebuild': 409,
  'cluster.not-a-manager': 503,
  'cluster.joining': 503,
  'cluster.identity-missing': 503,
  'cluster.identity-expired': 503,
  'cluster.rate-limited': 429,
  'cluster.not-leader': 503,
  'grant.invalid': 400,
  'grant.not-found': 404,
  'policy.denied': 403,
  'policy.invalid': 400,
  'policy.not-found': 404,
  'why.not-found': 404,
  'why.ambiguous': 409,
  'rotation.busy': 409,
  'rotation.not-found': 404,
  'rotation.refused': 409,
  'import.busy': 409,
  'import.refused': 409,
  'volume.options-invalid': 400,
  'volume.not-found': 404,
  'volume.in-use': 409,
  'volume.refused': 403,
  'volume.timeout': 503,
  'volume.unavailable': 503,
  'unlock.key-invalid': 400,
  'unlock.shares-invalid': 400,
  'unlock.wrong-key': 403,
  'unlock.not-locked': 409,
  'unlock.peer-refused': 403,
  'pki.csr-invalid': 400,
  'pki.certificate-invalid': 403,
  'transport.frame-invalid': 400,
  'transport.refused': 403,
  'transport.unreachable': 503,
  'transport.timeout': 503,
  'store.starting': 503,
  'store.unavailable': 503,
  'store.timeout': 503,
  'store.busy': 503,
  'store.locked': 503,
  'store.damaged': 503,
  'store.in-use': 503,
  'store.faulted': 503,
  'store.disk-full': 507,
  'store.closed': 503,
  'backup.format': 422,
  'backup.damaged': 422,
  'backup.key': 403,
  'backup.key-invalid': 400,
  'backup.not-written': 507,
  'backup.not-found': 404,
  'backup.drill': 409,
  'audit.unavailable': 503,
  'audit.not-lost': 409,
  'ui.refused': 403,
  'ui.signed-out': 401,
  'notice.refused': 502,
  'settings.invalid': 503,
  'engine.unreachable': 502,
  'engine.refused': 502,
  'internal.invariant': 500,
  'internal.unexpected': 500,
} as const satisfies Readonly<Record<string, number>>;

export type ErrorCode = keyof typeof ERROR_CODES;

export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(ERROR_CODES, text);
}

export interface CofferErrorOptions {
  /** What the reader can do about it: one sentence, in the imperative. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/**
 * What coffer throws and answers. `message` begins with the code, `detail` is the sentence alone. Neither
 * ever holds a secret's value.
 */
export class CofferError extends Error {
  override readonly name = 'CofferError';
  readonly code: ErrorCode;
  readonly detail: string;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, detail: string, options: CofferErrorOptions = {}) {
    super(`[${code}] ${detail}`, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.detail = detail;
    this.hint = options.hint;
  }

  /** The HTTP status that carries this error. */
  get status(): number {
    return ERROR_CODES[this.code];
  }

  /** Turns anything that was thrown into a CofferError; a CofferError stays as it is. */
  static from(thrown: unknown, code: ErrorCode = 'internal.unexpected'): CofferError {
    if (thrown instanceof CofferError) {
      return thrown;
    }
    const detail = thrown instanceof Error ? thrown.message : String(thrown);
    return new CofferError(code, detail, { cause: thrown });
  }
}

/** Throws `internal.invariant` unless `condition` holds. These checks stay on in production. */
export function invariant(condition: boolean, sentence: string): asserts condition {
  if (!condition) {
    throw new CofferError('internal.invariant', sentence);
  }
}

/** The compiler's proof that a switch is exhaustive; at run time it throws `internal.invariant`. */
export function unreachable(value: never): never {
  throw new CofferError('internal.invariant', `a case was forgotten: ${JSON.stringify(value)}`);
}

/** The `code` of a Node.js or LevelDB error (`ENOENT`, `LEVEL_LOCKED`), if it has one. */
export function systemErrorCode(thrown: unknown): string | undefined {
  if (thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string') {
    return thrown.code;
  }
  return undefined;
}
