// SPDX-License-Identifier: Apache-2.0
// What can be done on the pages: begin a rotation with a value that the daemon makes, and take one back.
import { MINUTE_MS } from '../common/index.ts';
import type { RotationWish } from './daemon.ts';
import { place } from './html.ts';
import { told, type UiOptions } from './options.ts';
import { beginPage, type BeginView } from './pages/rotations-page.ts';
import { type Answer, textIn } from './request.ts';
import { answerPage, type View, type Visit } from './routes.ts';

export interface FormVisit extends Visit {
  readonly form: URLSearchParams;
}

export type Action = (visit: FormVisit, options: UiOptions) => Promise<Answer>;

export const ACTIONS: ReadonlyMap<string, Action> = new Map<string, Action>([
  ['rotate', rotate],
  ['cancel', cancel],
]);

const MINUTES_MAX = 1_440;

/** The form, and what would come of it. */
export const showBegin: View = (visit, options) =>
  answerBegin(textIn(visit.query, 'secret'), { formToken: visit.session.formToken }, visit, options);

async function answerBegin(
  name: string,
  view: BeginView,
  visit: Visit,
  options: UiOptions,
  status = 200,
): Promise<Answer> {
  const { secret } = await options.daemon.secret(name);
  const ledger = await told(options, options.daemon.ledger(secret.name));
  const content = beginPage(secret, ledger, view);
  return answerPage({ title: `Rotate ${secret.name}`, under: 'secrets', content }, visit, options, status);
}

async function rotate(visit: FormVisit, options: UiOptions): Promise<Answer> {
  const { form, session } = visit;
  const secret = textIn(form, 'secret');
  const [spec, minutes, expect] = [
    form.get('spec') ?? '',
    form.get('minutes') ?? '',
    form.get('expect') ?? '',
  ];
  const view = { formToken: session.formToken, spec, minutes };
  const isTime = /^\d{1,4}$/.test(minutes) && Number(minutes) >= 1 && Number(minutes) <= MINUTES_MAX;
  if (!isTime || !/^[1-9]\d{0,9}$/.test(expect)) {
    const problem = { message: `The minutes are a number from 1 to ${MINUTES_MAX}.` };
    return answerBegin(secret, { ...view, problem }, visit, options, 400);
  }
  const value = form.get('anew') === '1' ? 'as-its-labels-say' : { spec };
  const wish: RotationWish = { value, expect: Number(expect), timeout_ms: Number(minutes) * MINUTE_MS };
  const begun = await told(options, options.daemon.rotate(secret, wish));
  if (begun.problem !== undefined) {
    return answerBegin(secret, { ...view, problem: begun.problem }, visit, options, 409);
  }
  return toRotation(secret, begun.value.rotation.id);
}

async function cancel({ form }: FormVisit, { daemon }: UiOptions): Promise<Answer> {
  const { rotation } = await daemon.cancelRotation(textIn(form, 'secret'));
  return toRotation(rotation.secret, rotation.id);
}

function toRotation(secret: string, id: string): Answer {
  return { kind: 'redirect', to: place('rotation', { secret, id }) };
}
