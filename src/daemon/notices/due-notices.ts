// SPDX-License-Identifier: Apache-2.0
// Which notices of secrets are due: a pure function of the secrets, of what was told, and of the time.
import { DAY_MS, unreachable } from '../../common/index.ts';
import type { Notice } from '../../notices/index.ts';
import {
  currentVersion,
  expiresAt_ms,
  isReservedName,
  type Secret,
  storedCertificateWish,
  valueMadeAt_ms,
} from '../../secrets/index.ts';
import { type NoticeMark, type Stage, STAGES, TOLD_EXPIRIES_MAX, type ToldExpiry } from './notice-mark.ts';

export type DueNotice =
  | { readonly kind: 'changed' | 'removed'; readonly secret: Secret }
  | { readonly kind: 'expiry'; readonly secret: Secret; readonly expiry: ToldExpiry };

/** A certificate that is renewed as it should is never so old, as a part of its life. */
const OVERDUE_PART = 0.9;

/** Whether anybody is told of it: it is the user's, and complete. */
export function isTold({ name, pending }: Secret): boolean {
  return !pending && !isReservedName(name);
}

/** Changes in the order in which they were made, then expiries. */
export function dueNotices(
  secrets: readonly Secret[],
  mark: NoticeMark,
  now_ms: number,
): readonly DueNotice[] {
  const told = secrets.filter(isTold);
  const changes = told
    .filter(({ modifiedIndex }) => modifiedIndex > mark.index)
    .toSorted((a, b) => a.modifiedIndex - b.modifiedIndex)
    .map((secret): DueNotice => ({ kind: 'changed', secret }));
  const expiries = expiring(told, now_ms)
    .filter(({ expiry }) => isNews(expiry, mark.expiries.get(expiry.secretId)))
    .map((each): DueNotice => ({ kind: 'expiry', ...each }));
  return [...changes, ...expiries];
}

/** The mark after a notice was taken. Changes must come in their order. */
export function markAfter(mark: NoticeMark, due: DueNotice): NoticeMark {
  switch (due.kind) {
    case 'changed':
      return { ...mark, index: Math.max(mark.index, due.secret.modifiedIndex) };
    case 'removed':
      return mark;
    case 'expiry':
      return { ...mark, expiries: new Map([...mark.expiries, [due.secret.id, due.expiry]]) };
    default:
      return unreachable(due);
  }
}

/** The mark without the expiries of what is gone, or is good for longer than it was. */
export function prunedMark(mark: NoticeMark, secrets: readonly Secret[], now_ms: number): NoticeMark {
  const expiries = expiring(secrets.filter(isTold), now_ms).flatMap(({ expiry }) => {
    const told = mark.expiries.get(expiry.secretId);
    return told !== undefined && isSameEnd(told, expiry) ? [[told.secretId, told] as const] : [];
  });
  return { ...mark, expiries: new Map(expiries) };
}

/** What two leaders have told, together. */
export function mergedMark(one: NoticeMark, other: NoticeMark): NoticeMark {
  const expiries = new Map(one.expiries);
  for (const [id, expiry] of other.expiries) {
    if (isNews(expiry, expiries.get(id))) {
      expiries.set(id, expiry);
    }
  }
  return { ...one, index: Math.max(one.index, other.index), expiries };
}

export function noticeOf(due: DueNotice, node: string, now_ms: number): Notice {
  const { secret } = due;
  const { number: version } = currentVersion(secret);
  const named = { node, secret: secret.name };
  if (due.kind === 'expiry') {
    const { expires_ms, stage } = due.expiry;
    const facts = { version, expires: isoTime(expires_ms) };
    const at = isoTime(now_ms);
    return stage === 0
      ? { ...named, event: 'expired', at, facts }
      : {
          ...named,
          event: 'expiring',
          at,
          facts: { ...facts, daysLeft: Math.ceil((expires_ms - now_ms) / DAY_MS) },
        };
  }
  const at = isoTime(due.kind === 'changed' ? secret.updatedAt_ms : now_ms);
  return { ...named, event: due.kind, at, facts: { version, origin: secret.origin } };
}

interface Expiring {
  readonly secret: Secret;
  readonly expiry: ToldExpiry;
}

/** The secrets that are at a stage. Of too many, those go that have expired the longest ago: they do not come back. */
function expiring(secrets: readonly Secret[], now_ms: number): readonly Expiring[] {
  return secrets
    .flatMap((secret) => {
      const expires_ms = endOf_ms(secret, now_ms);
      const stage = expires_ms === undefined ? undefined : stageOf(secret, expires_ms, now_ms);
      if (expires_ms === undefined || stage === undefined) {
        return [];
      }
      const { number: version } = currentVersion(secret);
      return [{ secret, expiry: { secretId: secret.id, version, expires_ms, stage } }];
    })
    .toSorted((a, b) => b.expiry.expires_ms - a.expiry.expires_ms)
    .slice(0, TOLD_EXPIRIES_MAX);
}

/** As its labels say; of a certificate, once its renewal is overdue. */
function endOf_ms(secret: Secret, now_ms: number): number | undefined {
  const at_ms = expiresAt_ms(secret);
  const wish = at_ms === undefined ? storedCertificateWish(secret.labels) : undefined;
  if (wish === undefined) {
    return at_ms;
  }
  const madeAt_ms = valueMadeAt_ms(secret);
  return now_ms < madeAt_ms + OVERDUE_PART * wish.lifetime_ms ? undefined : madeAt_ms + wish.lifetime_ms;
}

/** A value that was made later than a stage before its end never comes to that stage. */
function stageOf(secret: Secret, expires_ms: number, now_ms: number): Stage | undefined {
  const stage = STAGES.find((days) => expires_ms - now_ms <= days * DAY_MS);
  const isWithinLife = stage === 0 || (stage ?? 0) * DAY_MS < expires_ms - valueMadeAt_ms(secret);
  return isWithinLife ? stage : undefined;
}

function isNews(expiry: ToldExpiry, told: ToldExpiry | undefined): boolean {
  return told === undefined || !isSameEnd(told, expiry) || expiry.stage < told.stage;
}

function isSameEnd(one: ToldExpiry, other: ToldExpiry): boolean {
  return one.version === other.version && one.expires_ms === other.expires_ms;
}

function isoTime(at_ms: number): string {
  return new Date(at_ms).toISOString();
}
