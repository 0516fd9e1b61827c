// SPDX-License-Identifier: Apache-2.0
// Who may see the pages: whoever has brought the token of the link, once and in time, and the cookie that came of it.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { HOUR_MS, MINUTE_MS, TokenBuckets } from '../common/index.ts';

const SECRET_BYTES = 32;
const PLACE_BYTES = 16;

/** How long the link is good, how long a session lasts, and how long one that nobody uses. */
export const TOKEN_MS = 5 * MINUTE_MS;
export const SESSION_MS = 8 * HOUR_MS;
export const IDLE_MS = 30 * MINUTE_MS;

const TRIES = { burst: 10, refill_ms: 6_000 } as const;

export interface Session {
  /**
   * The first word of the path of all its pages, which nobody can guess. Browsers send a cookie to every port of a host, but not to
   * other paths: so no other server on this machine is sent the session's.
   */
  readonly place: string;
  /** What a form must bring back: no page of another site knows it. */
  readonly formToken: string;
}

/** Why nobody has access any more. */
export type AccessEnd = 'signed-out' | 'expired' | 'unused';

interface OpenSession extends Session {
  readonly cookieDigest: Buffer;
  readonly openedAt_ms: number;
  usedAt_ms: number;
}

export interface SignedIn {
  readonly session: Session;
  /** The value of its cookie, which is told this once. */
  readonly cookie: string;
}

/** One link, and the one session that it opens. */
export class Access {
  readonly #now_ms: () => number;
  readonly #tries: TokenBuckets;
  readonly #madeAt_ms: number;
  #tokenDigest: Buffer | undefined;
  #session: OpenSession | undefined;
  #end: AccessEnd | undefined;

  private constructor(now_ms: () => number, token: string) {
    this.#now_ms = now_ms;
    this.#tries = new TokenBuckets({ ...TRIES, now_ms });
    this.#madeAt_ms = now_ms();
    this.#tokenDigest = digestOf(token);
  }

  /** `token` is for the link, and is kept nowhere. */
  static open(now_ms: () => number): { readonly access: Access; readonly token: string } {
    const token = randomText(SECRET_BYTES);
    return { access: new Access(now_ms, token), token };
  }

  /** Undefined if it is not the token, was used, or came too late. Throws `cluster.rate-limited` after too many tries. */
  signIn(token: string): SignedIn | undefined {
    this.#tries.take('', 'tries to sign in');
    const expected = this.#tokenDigest;
    if (this.end() !== undefined || expected === undefined || !timingSafeEqual(digestOf(token), expected)) {
      return undefined;
    }
    this.#tokenDigest = undefined;
    const cookie = randomText(SECRET_BYTES);
    const now_ms = this.#now_ms();
    this.#session = {
      place: randomText(PLACE_BYTES),
      formToken: randomText(SECRET_BYTES),
      cookieDigest: digestOf(cookie),
      openedAt_ms: now_ms,
      usedAt_ms: now_ms,
    };
    return { session: this.#session, cookie };
  }

  /** The session with this cookie at this place. `isUse` says whether somebody does something, so that it stays open. */
  sessionOf(place: string, cookie: string, isUse: boolean): Session | undefined {
    if (this.end() !== undefined) {
      return undefined;
    }
    const session = this.#session;
    const isIt =
      session !== undefined &&
      timingSafeEqual(digestOf(place), digestOf(session.place)) &&
      timingSafeEqual(digestOf(cookie), session.cookieDigest);
    if (!isIt) {
      return undefined;
    }
    if (isUse) {
      session.usedAt_ms = this.#now_ms();
    }
    return session;
  }

  signOut(): void {
    this.#close('signed-out');
  }

  /** Undefined while somebody has access, or may come to have it. */
  end(): AccessEnd | undefined {
    const now_ms = this.#now_ms();
    if (this.#session !== undefined) {
      const { openedAt_ms, usedAt_ms } = this.#session;
      if (now_ms - openedAt_ms >= SESSION_MS || now_ms - usedAt_ms >= IDLE_MS) {
        this.#close('expired');
      }
    } else if (now_ms - this.#madeAt_ms >= TOKEN_MS) {
      this.#close('unused');
    }
    return this.#end;
  }

  #close(why: AccessEnd): void {
    this.#end ??= why;
    this.#tokenDigest = undefined;
    this.#session = undefined;
  }
}

/** Whether a form was made for this session. */
export function isFormOf({ formToken }: Session, brought: string): boolean {
  return timingSafeEqual(digestOf(brought), digestOf(formToken));
}

function randomText(size_bytes: number): string {
  return randomBytes(size_bytes).toString('base64url');
}

/** Digests are of one length, which `timingSafeEqual` wants, and nothing of what was compared can be told from the time. */
function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
