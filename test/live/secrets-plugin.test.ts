// SPDX-License-Identifier: Apache-2.0
// The main job on a real engine, with coffer as a plugin that the engine manages.
import { secretStories } from './stories/secret-stories.ts';

secretStories('managed plugin');
