// SPDX-License-Identifier: Apache-2.0
// Why a task or a container does not get its secrets: from what is known to what is to be said. Pure.
export { diagnose } from './diagnose.ts';
export {
  type Outlook,
  type OutlookNode,
  outlookOf,
  type OutlookStore,
  type PolicyOutlook,
  type ValueOutlook,
} from './outlook.ts';
export { type UsedSecret, usesOfService } from './service-uses.ts';
export type { StoreFacts, SwarmFacts, VolumeFacts, VolumesFacts, WhyFacts } from './why-facts.ts';
export type { Finding, WhyReply, WhySecret, WhySubject } from './why-model.ts';
