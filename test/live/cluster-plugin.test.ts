// SPDX-License-Identifier: Apache-2.0
// A cluster on three real engines, with coffer as a plugin that the engines manage.
import { clusterStories } from './stories/cluster.ts';

clusterStories('managed plugin');
