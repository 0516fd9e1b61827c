// SPDX-License-Identifier: Apache-2.0
// A cluster on three real engines, with coffer as plain processes: legacy plugins of the engines.
import { clusterStories } from './stories/cluster.ts';

clusterStories('plain process');
