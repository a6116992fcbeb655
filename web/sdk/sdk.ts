import { createBeckon } from './beckon.ts';
import type { Beckon } from './beckon.ts';

declare global {
  interface Window {
    beckon: Beckon;
  }
}

window.beckon = createBeckon(window);
