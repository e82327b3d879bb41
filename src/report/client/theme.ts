// The theme of the page: that of the system by default, or the reader's choice, which is stored if the browser allows it.
import { byId } from './elements.js';

const THEMES = ['system', 'light', 'dark'];
const STORED = 'voc-seeds-theme';

function setTheme(theme: string): void {
  if (theme === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  byId('theme').textContent = `Theme: ${theme}`;
  // A page opened from disk may not be allowed to store anything.
  try { localStorage.setItem(STORED, theme); } catch { /* not stored */ }
}

/** Connects the theme button, and restores the theme of the last visit. */
export function connectTheme(): void {
  byId('theme').addEventListener('click', () => {
    setTheme(THEMES[(THEMES.indexOf(document.documentElement.dataset.theme ?? 'system') + 1) % THEMES.length]);
  });
  try {
    const theme = localStorage.getItem(STORED);
    if (theme !== null && THEMES.includes(theme)) setTheme(theme);
  } catch { /* nothing is stored */ }
}
