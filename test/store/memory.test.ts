import { systemClock } from '../../src/base/index.ts';
import { memoryStore } from '../../src/store/index.ts';
import { describeStore } from './contract.ts';

describeStore('memory', { empty: async () => memoryStore({ clock: systemClock }) });
