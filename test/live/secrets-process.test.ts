// SPDX-License-Identifier: Apache-2.0
// The main job on a real engine, with coffer as a plain process: a legacy plugin of the engine.
import { secretStories } from './stories/secret-stories.ts';

secretStories('plain process');
